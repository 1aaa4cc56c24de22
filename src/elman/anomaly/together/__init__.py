"""Several variables of the same rows: one alarm for all of them, which says whose it is."""

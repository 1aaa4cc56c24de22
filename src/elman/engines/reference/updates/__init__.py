"""What becomes of a gradient: clipping, constraints and the optimiser, and the loop over a block of updates."""

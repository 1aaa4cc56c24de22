"""What a detector learns beside its model: gross values in the first rows, and all that later rows bring."""

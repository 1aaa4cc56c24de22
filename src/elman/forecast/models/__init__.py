"""The models of a forecaster, local and global, and how they are made and tested."""

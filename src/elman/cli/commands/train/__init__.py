"""The commands of `elman train`, one file each."""

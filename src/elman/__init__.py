"""elman: recurrent neural networks on the CPU at compiled speed."""

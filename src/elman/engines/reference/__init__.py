"""The specification: every cell, layer, loss and optimiser in plain NumPy, forward and backward side by side.

Nothing here imports anything else of the project; layouts, cells, losses and optimisers are read by their attributes.
"""

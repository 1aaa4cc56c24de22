"""What all floors above speak of: descriptions of networks, losses and optimisers, requests to an engine, files.

Nothing here computes a network.
"""

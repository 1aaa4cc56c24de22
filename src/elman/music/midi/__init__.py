"""MIDI files: read, written, and gathered as pieces from whatever a caller hands over."""

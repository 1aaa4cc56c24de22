"""The version of this package; a test holds it equal to pyproject.toml's."""

__all__ = ["__version__"]

__version__ = "0.1.0"

"""How a program is called: its forward and backward pass, found by trying, and measured by finite differences."""

"""What files hold and leave: layers as plain values, a user's own code by its name, and what a kill left behind."""

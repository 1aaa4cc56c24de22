"""What a detector says of its alarms, in words."""

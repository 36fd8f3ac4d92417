"""MAVLink vehicles."""

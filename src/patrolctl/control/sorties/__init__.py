"""One sortie from the gate to the ground; execute.py has the order."""

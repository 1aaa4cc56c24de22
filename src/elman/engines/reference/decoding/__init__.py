"""What is made of a network's outputs: sequences searched for (search.py), labels without places (ctc.py), outcomes
drawn (sampling.py)."""

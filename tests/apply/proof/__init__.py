"""The network's proof: packets as bytes, the order of the questions, and real networks of veth pairs."""

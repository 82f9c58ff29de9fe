"""Examples that are programs of others are judged by them."""

"""Manual pages and completion say what the program knows."""

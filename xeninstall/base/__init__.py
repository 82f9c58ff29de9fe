"""Ground floor, standard library only: errors, processes, narration, sizes."""

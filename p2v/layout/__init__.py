"""Who owns which bytes of a disk: partition tables, volume managers, and what each volume holds. Pure parsers over a Reader."""

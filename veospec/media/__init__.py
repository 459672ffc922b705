"""Everything that looks into, draws or writes pictures, sound and film: the only importer of av and Pillow."""

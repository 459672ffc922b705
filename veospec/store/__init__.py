"""The private folder: bytes by digest, records, heads, locks, a losable index; and the files that a spec names."""

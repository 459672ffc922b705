"""A local double of the useapi.net Google Flow API v1: same paths, same strictness, same faults, no money."""

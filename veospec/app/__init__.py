"""One function per command: values in, values out. It composes the rooms and prints nothing."""

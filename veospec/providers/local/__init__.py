"""The free provider: draws a real, playable animatic on this machine, without an account."""

"""The Google Flow API v1 of useapi.net as a provider: pure wire and replies, one network module, one `Remote`."""

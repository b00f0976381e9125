"""Servers on 127.0.0.1 that stand in for what Groundtune talks to, over the real wire."""

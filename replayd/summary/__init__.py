"""What became of a batch, in figures: counts, statuses, latencies, connections; and what may be
asserted of them. Pure: over the events that ended its replays.
"""

"""The only place that talks to a provider: `client.map(agent, items)` and what it needs."""

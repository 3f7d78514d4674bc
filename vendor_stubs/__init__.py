"""Stand-ins for everything around the gateway: calling systems, Spine, the identity service. Never for real patients."""

"""The ways in that we serve, one room a door. Doors hold no policy: who may, where to, how much is `gate`'s to say."""

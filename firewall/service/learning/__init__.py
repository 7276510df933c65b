"""What became of guides: feedback, measure, and the way of a skill through review. `exposures` says who sees a guide."""

"""One file a topic: each reads back, as answers, what the planner's stage of that topic writes."""

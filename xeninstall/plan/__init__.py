"""What will be done: pure functions from answers and machine to a plan that can be printed, compared and resumed."""

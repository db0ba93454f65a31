"""Layer of predictors: columns that are predicted from some of the others alone."""

"""SOQL: words, tree, paths, conditions, plans, what is shown, groups, locators."""

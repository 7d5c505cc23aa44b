"""Words that two rooms share: references, records, activities, writes."""

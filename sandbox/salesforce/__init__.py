"""A Salesforce org on loopback, written from the vendor's published behaviour alone."""

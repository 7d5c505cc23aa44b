"""What comes in: pulling every stream, and noticing what fails to come or comes otherwise."""

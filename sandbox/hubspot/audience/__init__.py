"""Who is chosen and who may be written to: lists, their members, consent, exports."""

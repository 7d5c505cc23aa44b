"""Everybody, part by part: facts, signals, match, scores, stage and disposition."""

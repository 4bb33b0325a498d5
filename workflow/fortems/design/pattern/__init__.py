"""What must be true for the published pattern of findings to come about.

The pattern is an event: a list of the article's statements, each "significant, with this sign", "not significant" or
"of this size". ``event`` turns the claims file into it; ``kernel`` draws studies and judges them; ``priors`` says what
may be true before the article is read. From these follow the likelihood ``surface`` (where is the pattern likely?), the
``posterior`` (what is true, given the pattern?), the ``forecast`` of a replication, the ``attempts`` that make a pattern
likelier, and what a further ``published`` number would add.
"""

"""The topics of the paraphrase data set, with the wordings of every question.

A topic has subjects and intents. An intent is one thing to ask about a subject, in several wordings with the same
meaning. `{x}` is the subject; in topics of pairs, a question is about two subjects, `{x}` and `{y}`. If their order
matters, two intents share their wordings with the subjects swapped. There are few topics with few wordings, each used
often, because the smallest base has to learn their meanings from the pairs alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    name: str
    subjects: tuple[str, ...]
    intents: dict[str, tuple[str, ...]]  # name -> wordings
    pairs: bool = False


def changed_over(wordings: tuple[str, ...]) -> tuple[str, ...]:
    """Return the wordings with the two subjects swapped."""
    return tuple(wording.format(x="{y}", y="{x}") for wording in wordings)


CONVERT = (
    "How do I turn {x} into {y}?",
    "What is the best way to make {y} out of {x}?",
    "I have {x} and need {y}. What should I do?",
)
CHEAPER = (
    "Is {x} cheaper than {y}?",
    "Does {x} cost less than {y}?",
    "Is {y} more expensive than {x}?",
)
ROUTE = (
    "How do I get from {x} to {y}?",
    "What is the best road from {x} to {y}?",
    "I am in {x} and must go to {y}. How do I travel?",
)
DISTANCE = (
    "How far is it between {x} and {y}?",
    "How many miles are there between {x} and {y}?",
    "What is the distance of {x} and {y}?",
)

TOPICS = (
    Topic(
        "learning",
        (
            *(
                "French",
                "Spanish",
                "German",
                "Latin",
                "Greek",
                "Hebrew",
                "chess",
                "the violin",
                "the flute",
                "the drums",
            ),
            *("the harp", "drawing", "singing", "writing", "painting", "dancing", "sewing", "archery", "cooking"),
            *("riding", "the guitar", "the piano", "fencing", "swimming", "English", "Dutch", "reading", "fishing"),
        ),
        {
            "way": (
                "How do I learn {x}?",
                "What is the best way to learn {x}?",
                "How should a beginner start with {x}?",
            ),
            "time": (
                "How long does it take to learn {x}?",
                "How many months do I need to learn {x}?",
                "How much time must I spend on {x} to be good at it?",
            ),
            "use": (
                "Is it worth learning {x}?",
                "Why should I learn {x}?",
                "What are the benefits of learning {x}?",
            ),
            "price": (
                "How much do lessons in {x} cost?",
                "What is the price of a course in {x}?",
                "How expensive is it to learn {x}?",
            ),
        },
    ),
    Topic(
        "travel",
        (
            *("France", "Spain", "Egypt", "India", "Rome", "Paris", "Norway", "Peru", "Italy", "Greece", "China"),
            *("Japan", "London", "Venice", "Denmark", "Scotland", "Ireland", "Athens", "Wales", "Milan"),
            *("Turkey", "Cyprus", "Vienna", "Syria", "Sweden", "Poland", "Russia", "Berlin"),
        ),
        {
            "season": (
                "When is the best time to visit {x}?",
                "What month is best for a trip to {x}?",
                "In which season should I go to {x}?",
            ),
            "price": (
                "How much does a trip to {x} cost?",
                "How much money do I need for a week in {x}?",
                "Is it expensive to visit {x}?",
            ),
            "safety": (
                "Is it safe to travel to {x}?",
                "Is {x} a dangerous place?",
                "Should I fear thieves in {x}?",
            ),
            "sights": (
                "What should I see in {x}?",
                "What are the best places to visit in {x}?",
                "Which sights of {x} must one not miss?",
            ),
        },
    ),
    Topic(
        "careers",
        (
            *("a soldier", "a judge", "a priest", "a nurse", "a doctor", "a teacher", "a cook", "an actor", "a writer"),
            *("a painter", "a farmer", "a smith", "a musician", "a spy", "a lawyer", "a pilot", "a baker", "a sailor"),
            *("a merchant", "a tailor", "a hunter", "a banker", "a gardener", "an engineer", "a singer", "a dancer"),
            *("a driver", "a clerk"),
        ),
        {
            "way": (
                "How do I become {x}?",
                "What must I do to be {x}?",
                "What is the way to work as {x}?",
            ),
            "pay": (
                "How much does {x} earn?",
                "What is the pay of {x}?",
                "How much money does {x} make in a year?",
            ),
            "day": (
                "What does {x} do all day?",
                "What is the work of {x} like?",
                "How does {x} spend the day?",
            ),
            "school": (
                "Which school must {x} go to?",
                "What does one have to study to be {x}?",
                "What does {x} need to know?",
            ),
        },
    ),
    Topic(
        "things",
        (
            *("a car", "a house", "a watch", "a ring", "a bed", "a sword", "a tent", "a phone", "a boat", "a clock"),
            *("a coat", "a knife", "a lamp", "a printer", "a table", "a bag", "a hat", "a desk", "a laptop", "a radio"),
            *("a camera", "a bicycle", "a mirror", "a chair", "a cup", "a pen", "a ship", "a door"),
        ),
        {
            "choose": (
                "How do I choose {x}?",
                "Which is the best kind of {x} to buy?",
                "What should I look for when I buy {x}?",
            ),
            "mend": (
                "How do I mend {x}?",
                "What can I do when {x} is broken?",
                "Who can repair {x}?",
            ),
            "sell": (
                "Where can I sell {x}?",
                "How do I get a good price for {x}?",
                "What should I ask for {x} that I want to sell?",
            ),
            "clean": (
                "How do I clean {x}?",
                "How can I get the dirt off {x}?",
                "What is the best thing to wash {x} with?",
            ),
        },
    ),
    Topic(
        "goods",
        (
            *("gold", "silver", "wine", "corn", "wood", "wool", "silk", "oil", "beer", "salt", "sugar", "coal"),
            *("leather", "iron"),
        ),
        {
            "convert": CONVERT,
            "convert back": changed_over(CONVERT),
            "cheaper": CHEAPER,
            "dearer": changed_over(CHEAPER),
        },
        pairs=True,
    ),
    Topic(
        "places",
        (
            *("Rome", "Paris", "York", "Madrid", "Dover", "Bath", "London", "Venice", "Athens", "Milan", "Naples"),
            *("Vienna", "Oxford", "Berlin"),
        ),
        {
            "route": ROUTE,
            "route back": changed_over(ROUTE),
            "distance": DISTANCE + changed_over(DISTANCE),  # symmetric: swapped subjects mean the same
        },
        pairs=True,
    ),
)

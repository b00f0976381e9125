"""Follow-up questions and what must stand in the query made of them; the specification of chains/history.py.

HELD_OUT was written before the rules were, and the rules were not tuned on it: they met 44 of its 46 rows at the first
run. The two that they missed have moved to WORKED_ON.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    turns: tuple[str, ...]  # question, answer, question, answer ...
    ask: str
    holds: tuple[str, ...] = ()  # in any case; none of both: the question comes back as it is
    lacks: tuple[str, ...] = ()


def said(*turns: str, ask: str, holds: str = "", lacks: str = "") -> Conversation:
    return Conversation(turns, ask, _words(holds), _words(lacks))


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())


NOT_FOUND = "Not in your documents. The nearest passages are in Travel policy 2026."

WORKED_ON = (
    # No word salad: what does not read as a noun phrase in the pronoun's place is named beside the question
    said(
        "How is work on Sundays different in Denmark?",
        "It is paid double. [1]",
        ask="How is it paid?",
        holds="how is it paid (about: work on sundays different in denmark)?",
    ),
    said(
        "How are decided Sundays different in Denmark?",
        "They are not. [1]",
        ask="How is it paid?",
        holds="how is it paid (about: |sundays|denmark",
    ),
    said(
        "Is there a bonus for night work?",
        "Yes. [1]",
        ask="How is it paid?",
        holds="how is it paid (about: a bonus for night work)?",
    ),
    said(
        "How much do I get on call on a weekday night?",
        "45 euros [1]",
        "And on Sundays?",
        "90 euros [1]",
        ask="Is that different in Denmark?",
        holds="is that different in denmark (about: |on call on sundays",
        lacks="weekday",
    ),
    # Another time in the place of the one before
    said(
        "What is the on-call allowance for a weekday night?",
        "45 euros [1]",
        ask="And on Sundays?",
        holds=" what is the on-call allowance on sundays? ",
    ),
    said(
        "What is the weekday night allowance?",
        "45 euros [1]",
        ask="And on Sundays?",
        holds=" what is the allowance on sundays? ",
    ),
    said(
        "What do I get for being on call on a weekday night?",
        "45 euros [1]",
        ask="And Sundays?",
        holds=" what do i get for being on call on sundays? ",
    ),
    said(
        "When does the depot close on weekdays?",
        "18:00 [1]",
        ask="And in the evening?",
        holds="weekdays|in the evening",
    ),
    # A greeting or thanks is nobody's question
    said(
        "Thanks. Now, how much does the IB-12 cost?",
        "98 euros [1]",
        ask="And the IB-20?",
        holds=" how much does the ib-20 cost? ",
    ),
    said(
        "Good morning! How much does the IB-12 cost?",
        "98 euros [1]",
        ask="Thank you very much! And the IB-20?",
        holds=" how much does the ib-20 cost? ",
    ),
    # Pronouns for things
    said(
        "What is a harbour pass?",
        "A pass for the harbour. [1]",
        ask="How long is it valid?",
        holds="harbour pass|valid",
    ),
    said(
        "Where is the safety manual kept?",
        "In the office. [1]",
        ask="Who wrote it?",
        holds="safety manual|who wrote",
    ),
    said(
        "How much does the IB-12 weigh?",
        "870 kg [1]",
        ask="What does it cost per week?",
        holds="IB-12|cost per week",
    ),
    said(
        "What are learning days?",
        "Days for courses. [2]",
        ask="Can they be saved up?",
        holds="learning days|saved up",
    ),
    said(
        "What is the Eisdiele?",
        "A meeting room in Leipzig. [1]",
        ask="How many people fit into it?",
        holds="eisdiele|people fit",
    ),
    said(
        "What does the IC-4 controller do?",
        "It controls the unit.",
        ask="What is its default password?",
        holds="IC-4|password",
    ),
    said(
        "Which courses do technicians take?",
        "Flammable refrigerants. [1]",
        ask="How long are they?",
        holds="flammable refrigerants",
    ),
    said("How many loggers fit in a grey box?", "24", ask="And who pays for them?", holds="loggers|pays"),
    # Persons
    said(
        "Who leads Field Service?",
        "Friederike Stolpe leads Field Service. [1]",
        ask="Where does she work?",
        holds="friederike stolpe|work",
        lacks="she",
    ),
    said(
        "Who is Ruben Osei?",
        "He leads People and Safety. [1]",
        ask="What is his phone number?",
        holds="ruben osei|phone number",
        lacks="his",
    ),
    said(
        "Which languages does Emil Skovgaard speak?",
        "da en de",
        ask="Who stands in for him?",
        holds="emil skovgaard|stands in",
    ),
    said(
        "Who is the privacy officer?",
        "Noor Haddadi, who sits in Finance. [1]",
        ask="How do I reach her?",
        holds="noor haddadi|reach",
    ),
    # Places
    said(
        "What are the opening hours in Gdynia?",
        "06:00 to 22:00",
        ask="May I use my phone there?",
        holds="gdynia|phone",
    ),
    said(
        "Where is the calibration laboratory?",
        "The laboratory is in Gdynia. [1]",
        ask="Who works there?",
        holds="gdynia",
    ),
    # Demonstratives
    said(
        "What does the travel policy say about trains?",
        "First class above three hours. [1]",
        ask="Who approved that policy?",
        holds="travel policy|approved",
    ),
    said(
        "How long is the notice period?",
        "One month. [1]",
        ask="Does that apply to trainees?",
        holds="notice period|trainees",
    ),
    said(
        "What is the weekly rent of an IB-20?",
        "310 euros",
        ask="Is that with VAT?",
        holds="weekly rent|IB-20|VAT",
    ),
    said(
        "What is the damage waiver?",
        "An insurance. [1]",
        ask="Is this compulsory?",
        holds="damage waiver|compulsory",
    ),
    said(
        "Which freezers do you rent?",
        "The Isdeep 12 and the Isdeep 20. [1]",
        ask="How big is the second one?",
        holds="isdeep 20|big",
        lacks="isdeep 12",
    ),
    said(
        "Which alarms need a call at once?",
        "- E07\n- E12",
        ask="What does the first one mean?",
        holds="E07|mean",
        lacks="E12",
    ),
    # Ellipsis
    said(
        "How many days of holiday did we have in 2024?",
        "26",
        ask="What about 2023?",
        holds="days of holiday|2023",
        lacks="2024",
    ),
    said(
        "How many days of leave do employees get?",
        "27 days [1]",
        ask="And for contractors?",
        holds="days of leave|contractors",
    ),
    said(
        "What is the hotel limit in Denmark?",
        "155 euros",
        ask="And in Norway?",
        holds="hotel limit|norway",
        lacks="denmark",
    ),
    said(
        "How much does the IB-12 weigh?", "870 kg", ask="And the IB-20?", holds="weigh|IB-20", lacks="IB-12"
    ),
    said(
        "When does the yard in Aarhus open?", "07:00", ask="Ghent?", holds="yard|ghent|open", lacks="aarhus"
    ),
    said("Can I take my dog to work?", "On Fridays. [1]", ask="Why?", holds="why|dog|work"),
    said(
        "Do I get a bonus for recruiting a colleague?",
        "Yes. [1]",
        ask="How much?",
        holds="how much|bonus|recruiting",
    ),
    said("What does the IB-06 weigh?", "510 kg", ask="And the price?", holds="IB-06|price", lacks="weigh"),
    said(
        "Who approves trips outside Europe?",
        "A director. [1]",
        ask="The same for trips inside Germany?",
        holds="approves|trips inside germany",
    ),
    said(
        "How long do we keep camera pictures?",
        "14 days",
        ask="and applications?",
        holds="how long do we keep|applications",
    ),
    said(
        "What is the deposit for an IB-12?",
        "450 euros",
        ask="And what is the cancellation fee?",
        holds="cancellation fee|IB-12",
    ),
    said(
        "How do I order a harbour pass?",
        "Through Rental Nordic. [1]",
        ask="Who approves?",
        holds="harbour pass|approves",
    ),
    said(
        "Can I rent an Isdeep 20 for a wedding?",
        "Yes. [1]",
        ask="What is the deadline?",
        holds="isdeep 20|deadline",
    ),
    # More than one turn back
    said(
        "What does the IB-12 weigh?",
        "870 kg",
        "And the IB-20?",
        "1,240 kg",
        ask="How wide is it?",
        holds="IB-20|wide",
        lacks="IB-12",
    ),
    said(
        "What is the hotel limit in Denmark?",
        "155 euros",
        "And in Norway?",
        "170 euros",
        ask="And in 2025?",
        holds="hotel limit|norway|2025",
        lacks="denmark",
    ),
    said(
        "What is the hotel limit in Norway?",
        NOT_FOUND,
        ask="And in Sweden?",
        holds="hotel limit|sweden",
        lacks="not in your documents|travel policy|norway",
    ),
    said(
        "Who founded Isvelde?",
        NOT_FOUND,
        ask="When did they do it?",
        holds="isvelde",
        lacks="travel policy|documents",
    ),
    # Nothing is carried
    said("How much does the IB-12 weigh?", "870 kg", ask="How many days of holiday do I get?"),
    said(
        "Who leads Field Service?",
        "Friederike Stolpe. [1]",
        ask="What is the speed limit for forklifts in the yard?",
    ),
    said("What is the deposit for an IB-12?", "450 euros", ask="Is there a canteen in Deventer?"),
    said(
        "What is the deposit for an IB-12?", "450 euros", ask="How long does it take to calibrate a logger?"
    ),
    said("What is the deposit for an IB-12?", "450 euros", ask="If the freezer breaks down, who repairs it?"),
    said("What is the deposit for an IB-12?", "450 euros", ask="Is it allowed to smoke in the yard?"),
    said("What is the deposit for an IB-12?", "450 euros", ask="Where is the canteen?"),
    said("Who leads Events?", "Hanne Bøgelund. [1]", ask="May an employee take their laptop abroad?"),
    said("Who leads Events?", "Hanne Bøgelund. [1]", ask="Which alarm says that the door is open?"),
    said(
        "Who leads Events?",
        "Hanne Bøgelund. [1]",
        ask="What must I know about this year's stocktaking in Ghent?",
    ),
    said("Wie schwer ist die IB-12?", "870 kg", ask="Wie viele Urlaubstage habe ich?"),
    said(ask="How long is it valid?"),
    said(ask="And for contractors?"),
    # Held out at first, and missed
    said(
        "What is the G7 generator?", "A generator for rent. [1]", ask="How big is its tank?", holds="G7|tank"
    ),
    said(
        "How often is a probe calibrated?",
        "Every year. [1]",
        ask="And a logger?",
        holds="how often|logger|calibrated",
    ),
)

HELD_OUT = (
    said(
        "What is the warranty on a used unit?",
        "Six months. [1]",
        ask="Can I extend it?",
        holds="warranty|used unit|extend",
    ),
    said(
        "When is the stocktaking?",
        "On 2 January. [1]",
        ask="Who has to take part in it?",
        holds="stocktaking|take part",
    ),
    said(
        "Which documents does a driver need?",
        "A licence and the CMR note. [1]",
        ask="Where are they kept?",
        holds="documents|kept",
    ),
    said(
        "What does the standard contract say about liability?",
        "It is limited. [1]",
        ask="Is it the same for festivals?",
        holds="liability|festivals",
    ),
    said(
        "What are the gaskets made of?",
        "Silicone. [2]",
        ask="How often must they be replaced?",
        holds="gaskets|replaced",
    ),
    said(
        "Who supplies our doors?",
        "Deurenfabriek Oldeman from Hengelo. [1]",
        ask="How many employees do they have?",
        holds="oldeman|employees",
    ),
    said(
        "Who wrote the minutes of the meeting in May?",
        "Femke Oldenhof. [1]",
        ask="Who is her team lead?",
        holds="femke oldenhof|team lead",
    ),
    said(
        "Is Kinga Zaremba on leave?", NOT_FOUND, ask="Then who is her deputy?", holds="kinga zaremba|deputy"
    ),
    said(
        "Who are the founders?",
        "Marijke Terhorst and Joost Aldering founded Isvelde. [1]",
        ask="When do they answer questions?",
        holds="marijke terhorst|joost aldering|answer questions",
    ),
    said(
        "What is the address of the depot in Leipzig?",
        "Am Güterring 52 [1]",
        ask="Is there parking there?",
        holds="leipzig|parking",
    ),
    said(
        "Which office has the panel shop?",
        "The panel shop is in Gdynia. [1]",
        ask="How many people work there?",
        holds="gdynia|people work",
    ),
    said("What is error E05?", "Pressure too high. [1]", ask="What should I do about that?", holds="E05"),
    said(
        "How long may a lorry idle?",
        "One minute. [1]",
        ask="Is this rule valid in Ghent too?",
        holds="lorry|ghent",
    ),
    said(
        "Do you have a sabbatical policy?",
        "Yes, after seven years. [1]",
        ask="How many months does that policy allow?",
        holds="sabbatical|months",
    ),
    said(
        "Which units stand on skids?",
        "The IB-12 and the IB-20. [1]",
        ask="What does the first one weigh?",
        holds="IB-12|weigh",
        lacks="IB-20",
    ),
    said(
        "Which offices are in the south?",
        "1. Leipzig\n2. Ghent\n3. Deventer",
        ask="When did the last one open?",
        holds="deventer|open",
        lacks="leipzig",
    ),
    said(
        "Do we buy compressors from Termovia or from Sölvhög?",
        "From both. [1]",
        ask="Which payment terms does the latter have?",
        holds="sölvhög|payment terms",
        lacks="termovia",
    ),
    said(
        "How many units did we sell in 2025?",
        "212",
        ask="And in 2024?",
        holds="units did we sell|2024",
        lacks="2025",
    ),
    said(
        "How many units did we sell in 2025?",
        "212",
        ask="How about 2022?",
        holds="units did we sell|2022",
        lacks="2025",
    ),
    said(
        "What is the meal allowance in Poland?",
        "38 euros",
        ask="and Belgium?",
        holds="meal allowance|belgium",
        lacks="poland",
    ),
    said(
        "What does alarm E02 mean?", "Room too warm. [1]", ask="And E03?", holds="alarm|E03|mean", lacks="E02"
    ),
    said(
        "How many days off do I get for my own wedding?",
        "Two. [1]",
        ask="For moving house?",
        holds="days off|moving house",
    ),
    said(
        "Can customers visit the assembly hall?",
        "Yes. [1]",
        ask="When?",
        holds="when|customers|assembly hall",
    ),
    said(
        "May I cancel a rental?", "Yes, in writing. [1]", ask="Until when?", holds="until when|cancel|rental"
    ),
    said("I lost my badge. What must I do?", "Report it. [1]", ask="To whom?", holds="badge|to whom"),
    said(
        "What does the Isdeep 12 cost?",
        "24,900 euros",
        ask="And the delivery time?",
        holds="isdeep 12|delivery time",
    ),
    said(
        "Do I need a certificate when I am ill?",
        "From the fourth day. [1]",
        ask="Same question for Germany.",
        holds="certificate|ill|germany",
    ),
    said(
        "How do I apply for parental leave?",
        "In writing. [1]",
        ask="What is the maximum?",
        holds="parental leave|maximum",
    ),
    said("Are there learning days?", "Three a year. [1]", ask="How do I apply?", holds="learning days|apply"),
    said(
        "What is the hotel limit in Poland?",
        "110 euros",
        "And in Belgium?",
        "140 euros",
        ask="Who can approve more than that?",
        holds="hotel limit|belgium|approve",
        lacks="poland",
    ),
    said(
        "Who leads Purchasing and Stores?",
        "Ilse Hartog. [1]",
        "Where does she work?",
        "Deventer [1]",
        ask="What is her e-mail address?",
        holds="ilse hartog|e-mail",
    ),
    said(
        "What is the rent of the IL-40?",
        NOT_FOUND,
        "How big is it?",
        "66 cubic metres [1]",
        ask="How heavy is it?",
        holds="IL-40|heavy",
        lacks="documents",
    ),
    said(
        "Who checks invoices above 5,000 euros?",
        "Annelien Brugmans. [1]",
        ask="And above 20,000 euros?",
        holds="checks invoices|20,000",
        lacks="5,000",
    ),
    said(
        "What is the deposit for private customers?",
        "450 euros",
        ask="Which refrigerant does the Isline use?",
    ),
    said(
        "What is the deposit for private customers?",
        "450 euros",
        ask="Are there showers for cyclists in Aarhus?",
    ),
    said("Who leads Events?", "Hanne Bøgelund. [1]", ask="How do I clean the unit before I send it back?"),
    said("Who leads Events?", "Hanne Bøgelund. [1]", ask="Is it possible to pay an invoice by credit card?"),
    said(
        "Who leads Events?",
        "Hanne Bøgelund. [1]",
        ask="What happens when a customer does not pay their invoice?",
    ),
    said("Who leads Events?", "Hanne Bøgelund. [1]", ask="Who is the safety officer?"),
    said("Who leads Events?", "Hanne Bøgelund. [1]", ask="What is the notice period for employees?"),
    said(
        "Who leads Events?", "Hanne Bøgelund. [1]", ask="I feel ill this morning. By when do I have to phone?"
    ),
    said("Who leads Events?", "Hanne Bøgelund. [1]", ask="What should visitors who come by car do with it?"),
    said("Wer leitet Events?", "Hanne Bøgelund. [1]", ask="Wo ist die Kantine?"),
    said("How heavy is the IB-20?", "1,240 kg", ask="What does it cost to rent a generator for a week?"),
)

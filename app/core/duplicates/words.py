"""Words that copies may not differ in, in the languages that most datasets are written in."""

_DIGITS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty"
)
_LARGER = {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"}
_POWERS = {"hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000"}
_PARTS = {"half": "1/2", "twice": "2x", "double": "2x", "thrice": "3x", "triple": "3x", "quarter": "1/4"}
_PLACES = {"first": "1st", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th", "last": "last"}
# Words for numbers, with what they are in digits.
NUMBERS = {word: str(value) for value, word in enumerate(_DIGITS.split("|"))} | _LARGER | _POWERS | _PARTS | _PLACES

DATES = frozenset(
    "january february march april june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays today tomorrow "
    "yesterday montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz juni juli oktober "
    "dezember janvier février avril juin juillet août septembre octobre novembre décembre lundi mardi mercredi jeudi "
    "vendredi samedi dimanche enero febrero abril mayo junio julio agosto septiembre octubre noviembre diciembre "
    "lunes martes miércoles jueves viernes sábado domingo".split()
)
UNITS = frozenset(
    "second seconds minute minutes hour hours day days week weeks month months year years mm cm km inch inches foot "
    "feet yard yards mile miles mg kg gram grams kilogram kilograms pound pounds ounce ounces ton tons ml liter "
    "liters litre litres gallon gallons cent cents dollar dollars euro euros usd eur gbp inr yen percent degree "
    "degrees celsius fahrenheit watt watts volt volts kb mb gb tb byte bytes tag tage woche wochen monat monate jahr "
    "jahre stunde stunden minuten jour jours semaine semaines mois heure heures día días semana semanas meses año "
    "años hora horas".split()
)
NEGATIONS = frozenset(
    "not no never none nobody nothing neither nor without cannot cant dont doesnt didnt isnt arent wasnt werent wont "
    "wouldnt shouldnt couldnt hasnt havent hadnt mustnt aint unable except nicht kein keine keinen keiner keinem nie "
    "niemals ohne ne pas jamais sans aucun aucune nunca sin ningún ninguna jamás não sem нет не без никогда".split()
)
ANSWERS = frozenset("yes true false ja nein oui non sí correct incorrect allowed forbidden".split())

# The words of each kind of difference.
KINDS = {
    "number": frozenset(NUMBERS),
    "date": DATES,
    "unit": UNITS,
    "negation": NEGATIONS,
    "yes/no": ANSWERS,
}

# Characters that negate in scripts without spaces between words, and in Korean.
WIDE_NEGATIONS = ("不", "没", "沒", "未", "非", "無", "无", "ない", "ません", "않", "아니", "못", "ไม่")

# Words that begin sentences with a capital without being names.
STARTERS = frozenset(
    "a about after all also although an and any are as ask at be because before begin between both build but by "
    "calculate can change check choose classify come compare compose complete compute consider construct convert "
    "correct could count create dear decide define demonstrate describe design determine develop did discuss do does "
    "draft draw each edit estimate evaluate every examine explain extract factor fill find fix for from generate get "
    "give given go has have he hello help her here hey hi his how i identify if implement in indicate insert into is "
    "it its keep let list look make many match may me might more most much must my name need now of ok okay on once "
    "one or order organize our out outline output over paraphrase pick please predict prepare present print produce "
    "propose prove provide put question rank read rearrange reduce remove rename reorder replace rephrase report "
    "reverse rewrite run say select set she should show simplify solve some sort state submit such suggest sum "
    "summarize suppose take tell thank thanks that the their them then there these they this those through to "
    "translate try turn under until up us use using verify was we were what when where whether which while who whom "
    "whose why will with would write you your answer".split()
)
# Politeness and labels, which change nothing: what a text may begin and end with.
POLITE = frozenset("please thanks thank you kindly hi hello hey dear in advance help many regards question q".split())
LEADS = tuple(
    "question|q|hi|hello|hey|hi there|hello there|please|kindly|excuse me|could you|can you|would you|will you|"
    "could you please|can you please|please tell me|tell me|can you tell me|could you tell me|i would like to know|"
    "i want to know|let me know|help me|please help me".split("|")
)
TAILS = tuple(
    "please|thanks|thank you|thanks in advance|thank you in advance|many thanks|thanks a lot|thank you very much|"
    "please help|please help me|kindly help|best regards|regards|help please".split("|")
)

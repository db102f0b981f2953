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
    "niemals ohne ne pas jamais sans aucun aucune nunca sin ningún ninguna jamás não sem нет не без никогда 안".split()
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
# Politeness and labels, which change nothing: words that do not count anywhere, and what a text may begin and end with.
POLITE = frozenset(
    "please thanks thank you kindly hi hello hey dear in advance help many regards question q bitte".split()
)
LEADS = tuple(
    "question|q|hi|hello|hey|hi there|hello there|hi all|hi everyone|hello everyone|good morning|good afternoon|"
    "good evening|please|kindly|excuse me|sorry|could you|can you|would you|will you|could you please|can you please|"
    "would you please|please tell me|tell me|can you tell me|could you tell me|can you please tell me|"
    "could you please tell me|i would like to know|id like to know|i want to know|let me know|help me|please help me|"
    "please help|i have a question|quick question|i was wondering|just wondering|"
    "frage|hallo|guten tag|guten morgen|guten abend|moin|bitte|liebes team|entschuldigung|eine frage|"
    "ich habe eine frage|können sie mir sagen|können sie mir bitte sagen|kannst du mir sagen|"
    "bonjour|bonsoir|salut|svp|sil vous plaît|excusez moi|jai une question|pouvez vous me dire|pourriez vous me dire|"
    "hola|buenos días|buenas tardes|buenas|por favor|disculpe|perdón|pregunta|tengo una pregunta|puede decirme|"
    "ciao|buongiorno|buonasera|salve|scusi|per favore|domanda|ho una domanda|"
    "olá|oi|bom dia|boa tarde|boa noite|pergunta|tenho uma pergunta|"
    "hoi|goedemorgen|goedemiddag|goedendag|alstublieft|vraag|ik heb een vraag|hej|cześć|dzień dobry|proszę|pytanie|"
    "здравствуйте|привет|добрый день|добрый вечер|пожалуйста|вопрос|подскажите|подскажите пожалуйста|"
    "скажите пожалуйста|merhaba|selam|lütfen|soru|مرحبا|السلام عليكم|من فضلك|لو سمحت|سؤال|"
    "नमस्ते|कृपया|प्रश्न|안녕하세요|질문".split("|")
)
TAILS = tuple(
    "please|pls|plz|thanks|thx|ty|thank you|thank u|thanks in advance|thank you in advance|thx in advance|many thanks|"
    "thanks a lot|thanks so much|thanks very much|thanks a million|thank you so much|thank you very much|"
    "thanks for your help|thank you for your help|thanks for the help|thanks for any help|thanks everyone|thanks all|"
    "please help|please help me|kindly help|help please|any help is appreciated|any help would be appreciated|"
    "any help appreciated|any help would be great|help is appreciated|much appreciated|appreciate it|i appreciate it|"
    "appreciate your help|please advise|please let me know|let me know|best regards|kind regards|regards|"
    "best wishes|sincerely|cheers|asap|"
    "bitte|danke|danke schön|dankeschön|vielen dank|besten dank|herzlichen dank|tausend dank|danke im voraus|"
    "vielen dank im voraus|besten dank im voraus|danke für die hilfe|danke für ihre hilfe|vielen dank für ihre hilfe|"
    "vielen dank für die hilfe|lg|mfg|viele grüße|liebe grüße|beste grüße|mit freundlichen grüßen|freundliche grüße|"
    "merci|merci beaucoup|merci davance|merci beaucoup davance|merci par avance|merci à vous|merci pour votre aide|"
    "merci de votre aide|svp|sil vous plaît|sil te plaît|cordialement|bien cordialement|"
    "gracias|muchas gracias|mil gracias|gracias de antemano|muchas gracias de antemano|gracias por su ayuda|"
    "gracias por la ayuda|por favor|saludos|un saludo|"
    "grazie|grazie mille|molte grazie|tante grazie|grazie in anticipo|grazie mille in anticipo|per favore|"
    "cordiali saluti|saluti|"
    "obrigado|obrigada|muito obrigado|muito obrigada|obrigado desde já|desde já obrigado|desde já agradeço|"
    "agradeço desde já|"
    "bedankt|alvast bedankt|dank je|dank u|dank u wel|hartelijk dank|bij voorbaat dank|alstublieft|groetjes|"
    "tack|tack på förhand|dziękuję|dzięki|z góry dziękuję|z góry dzięki|proszę|pozdrawiam|"
    "спасибо|большое спасибо|спасибо большое|заранее спасибо|спасибо заранее|заранее благодарю|благодарю|пожалуйста|"
    "с уважением|teşekkürler|teşekkür ederim|çok teşekkürler|şimdiden teşekkürler|lütfen|"
    "شكرا|شكرا لك|شكرا لكم|شكرا جزيلا|شكرا مقدما|وشكرا|من فضلك|لو سمحت|धन्यवाद|शुक्रिया|बहुत धन्यवाद|कृपया|"
    "감사합니다|고맙습니다|미리 감사합니다|부탁드립니다|부탁합니다|"
    "谢谢|谢谢你|谢谢您|谢谢大家|多谢|感谢|非常感谢|十分感谢|先谢谢了|拜托了|謝謝|感謝|非常感謝|"
    "ありがとう|ありがとうございます|よろしくお願いします|よろしくお願いいたします|宜しくお願いします|お願いします|"
    "お願いいたします|ขอบคุณ|ขอบคุณครับ|ขอบคุณค่ะ|ขอบคุณมาก".split("|")
)
# What a text may begin with in scripts without spaces.
WIDE_LEADS = tuple(
    "你好|您好|请问|请问一下|请教一下|麻烦问一下|想问一下|我想问一下|請問|請|请|すみません|すみませんが|"
    "質問ですが|こんにちは|สวัสดี|สวัสดีครับ|สวัสดีค่ะ|ขอถามหน่อย".split("|")
)

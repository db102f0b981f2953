"""Words that carry grammar and no content: where two texts differ in these alone, they say the same.

Words that ask (who, when), that negate, and those with an opposite are content. What is missing here counts as
content as well, so that a language that is not listed is taken more strictly, never more laxly.
"""

_WORDS = """
a an the this that these those i me my mine we us our ours you your yours it its they them their theirs is are was
were be been being am has have had having do does did doing done can could will would shall may might ill youll
well id ive im youre theyre thats whats hows in on at of to for by from with into onto about as and or if then so
than but also just really very actually quite there here some any please kindly get got one ok now & der die das
den dem des ein eine einen einem einer eines ich mich mir mein meine meinen meinem meiner wir uns unser unsere
unseren du dich dir dein deine deinen sie ihr ihre ihren ihnen es er ist sind war waren bin bist sein wird werden
wurde wurden hat haben habe hatte kann können könnte könnten konnte darf soll sollte muss auf aus bei beim von vom
zu zum zur für mit um und oder wenn dann dass daß als auch denn mal bitte eigentlich gerade man le la les un une
de je mon ma mes nous notre nos tu te toi ton ta tes vous votre vos il elle ils elles se est sont était sommes
suis être ai ont avoir peut peux peuvent puis pourrait dois doit à au aux en dans sur pour par avec et ou si que
qu qui ce cet cette ces y alors bien el los las una unos unas yo mi mis nuestro nuestra nuestros tus su sus lo son
era está están estoy ser estar ha han he hay puede puedo pueden podría podemos debo debe del al por para con e o u
cual esto esta este estos estas gli uno io mio mia miei mie noi nostro nostra tuo tua suo sua è sono essere ho
hanno può posso possono possiamo devo deve di della dello dei degli delle alla allo agli alle da dal dalla nel
nella nei nelle sul sulla per ed che ci questo questa questi queste os uma umas eu meu minha meus minhas nós nosso
nossa você vocês seu seus suas é são foi estão pode podem dos na nas em ao aos às com isto isso het een ik mij
mijn wij ons onze jij jouw uw zijn ben heb hebt heeft hebben kan kunnen kunt mag moet wordt worden op aan van voor
met bij naar om dat dit deze ett det jag mig min mitt mina vi oss vår dig din ditt dina är var vara har hade ska
på av för med till och eller att som w z od dla po się jest są był być mam może mogę można mój moja moje moją swój
swoje ten czy że и в во на с со к ко о об от до по за из у для я мне меня мой моя моё мое мои мою мы нам нас наш
ваш вы вам вас ты он это эта этот эти быть есть был была было ли бы же что можно могу может нужно bir bu şu ve
veya benim bana biz bizim sen senin siz mı mu mü için ile ne ki في من على إلى الى عن مع و أو أن ان هل ما هذا هذه
ذلك تلك التي الذي هو هي أنا لي لك الخاص الخاصة بي بك بنا يمكن يمكنني يمكنك قد لقد है हैं था थे थी हूँ हो का के की
को में से पर और या मैं मेरा मेरी मेरे मुझे आप आपका हम क्या यह वह ये वे एक कर सकता सकते सकती 이 그 저 것 수 할 나
내 제 저의 나의 우리 하나요 있나요 있습니까 있어요 인가요 입니까 합니까 해요 하는 할까요 되나요 됩니까 좀
"""
FUNCTION_WORDS = frozenset(_WORDS.split())

# Endings of Korean words that mark their part in the sentence.
_PARTICLES = "에서 으로 에게 까지 부터 은 는 이 가 을 를 에 의 도 로 와 과"
KOREAN_PARTICLES = tuple(_PARTICLES.split())

# The same in scripts that write no spaces, longest first.
_WIDE_WORDS = """
请问 請問 请 請 麻烦 麻煩 谢谢 謝謝 如何 怎么样 怎么 怎样 怎麼樣 怎麼 怎樣 可以 可不可以 能否 能不能 是否 我们
我們 我 你们 你 您 吗 嗎 呢 吧 啊 呀 的 了 着 地 得 是 把 一下 这个 這個 那个 那個 这 這 那 どうすればいいですか
どうしたらいいですか どうすればよいですか どうしたらよいですか どうすれば どうしたら どうやって どのように
でしょうか ですか ますか ください 下さい お願いします お願いいたします ありがとうございます いいです よいです
教えて 私の 私は 私 です ます すれば したら する には とは は が を に へ と も の で か ね よ อย่างไร ยังไง
หรือไม่ ได้ไหม ครับ ค่ะ คะ ไหม ฉัน ผม ของ การ ความ จะ ได้ ที่ ก็
"""
WIDE_FUNCTION_WORDS = tuple(sorted(_WIDE_WORDS.split(), key=len, reverse=True))

"""Words that say the opposite of one another, and words that are easily taken for one another, by language."""

from collections.abc import Iterable

from rapidfuzz.distance import Prefix

# Opposites stand on both sides of a slash, language by language. Forms that are made by endings (opens, closing) are
# recognised without standing here, see ``is_opposite``.
_PAIRS = """
on/off in/out up/down to/from before/after with/without for/against and/or over/under above/below inside/outside
into/from onto/off left/right front/back top/bottom upper/lower first/last first/second start/end start/stop
start/finish
begin/end beginning/end open/close open/shut opened/closed opening/closing import/export upload/download
send/receive
sent/received buy/sell bought/sold lend/borrow lent/borrowed give/take gave/took push/pull add/remove add/subtract
add/delete insert/remove insert/delete plus/minus increase/decrease increase/reduce raise/lower raise/reduce
rise/fall
rising/falling grow/shrink expand/collapse expand/shrink more/less more/fewer most/least many/few much/little
max/min maximum/minimum maximal/minimal high/low higher/lower highest/lowest big/small bigger/smaller
biggest/smallest
large/small larger/smaller largest/smallest long/short longer/shorter longest/shortest wide/narrow thick/thin
deep/shallow
tall/short fast/slow faster/slower fastest/slowest quick/slow early/late earlier/later earliest/latest old/new
old/young
older/newer older/younger oldest/newest oldest/youngest new/used next/previous next/last past/future previous/next
good/bad better/worse best/worst right/wrong true/false correct/wrong correct/incorrect yes/no positive/negative
allow/deny allow/forbid allow/prevent allow/block accept/reject accept/decline accept/except grant/revoke
approve/reject
approve/deny confirm/deny permit/forbid enable/disable activate/deactivate lock/unlock block/unblock mute/unmute
show/hide visible/hidden public/private internal/external interior/exterior inner/outer indoor/outdoor
indoors/outdoors
inbound/outbound incoming/outgoing input/output enter/exit enter/leave entry/exit entrance/exit arrive/depart
arrive/leave
arrival/departure arrivals/departures come/go came/went ascending/descending ascend/descend ascent/descent
climb/descend
north/south east/west northern/southern eastern/western horizontal/vertical row/column rows/columns
vertical/lateral
hot/cold warm/cool warmer/cooler heat/cool heating/cooling summer/winter spring/autumn day/night morning/evening
morning/night am/pm sunrise/sunset dawn/dusk sunny/cloudy light/dark light/heavy lighter/darker lighter/heavier
bright/dark black/white wet/dry clean/dirty empty/full fill/empty hard/soft hard/easy easy/difficult rough/smooth
strong/weak stronger/weaker rich/poor cheap/expensive cheaper/dearer free/paid loud/quiet loud/silent noisy/quiet
love/hate like/dislike happy/sad win/lose winner/loser won/lost success/failure succeed/fail pass/fail
profit/loss gain/loss
gain/lose asset/liability assets/liabilities debit/credit income/expense income/expenses revenue/cost
deposit/withdraw
deposit/withdrawal deposits/withdrawals lender/borrower creditor/debtor buyer/seller supply/demand gross/net
wholesale/retail
male/female man/woman men/women boy/girl boys/girls he/she him/her his/her his/hers himself/herself husband/wife
father/mother son/daughter brother/sister uncle/aunt king/queen mr/mrs sir/madam mom/dad mum/dad parent/child
parents/children adult/child adults/children teacher/student employer/employee lessor/lessee landlord/tenant
doctor/patient
host/guest client/server sender/receiver sender/recipient question/answer ask/answer cause/effect problem/solution
alive/dead live/die born/died life/death birth/death healthy/sick acute/chronic benign/malignant safe/dangerous
safe/unsafe
mandatory/optional required/optional always/never often/rarely often/seldom usually/rarely all/none all/some
any/all
everyone/nobody everybody/nobody everything/nothing everywhere/nowhere someone/everyone always/sometimes
both/neither both/either
either/neither same/different equal/different similar/different singular/plural local/remote local/global
online/offline
static/dynamic manual/automatic analog/digital absolute/relative single/multiple single/double single/married
simple/complex
synchronous/asynchronous sync/async serial/parallel encode/decode encrypt/decrypt encryption/decryption
compress/decompress
compile/decompile serialize/deserialize serialise/deserialise pack/unpack zip/unzip mount/unmount read/write
reader/writer
push/pop commit/rollback upgrade/downgrade login/logout log/unlog signin/signout build/destroy create/delete
create/destroy
save/load save/delete undo/redo copy/cut copy/move cut/paste attach/detach bind/release acquire/release
include/exclude
including/excluding inclusive/exclusive import/deport attack/defend attack/defence attack/defense war/peace
friend/enemy
ally/enemy guilty/innocent legal/illegal temporary/permanent abstract/concrete odd/even prime/composite
convex/concave
acid/base acidic/alkaline anode/cathode proton/electron solid/liquid artery/vein arteries/veins arterial/venous
hyper/hypo systolic/diastolic upstream/downstream offense/defense multiply/divide multiplied/divided
multiplication/division
addition/subtraction sum/difference sum/product numerator/denominator integral/derivative integrate/differentiate
sine/cosine sin/cos rows/cols width/height length/width host/parasite predator/prey majority/minority
forward/backward
forwards/backwards forward/reverse clockwise/counterclockwise clockwise/anticlockwise ahead/behind near/far
nearest/farthest
closest/farthest here/there now/then now/later today/yesterday today/tomorrow this/next this/last former/latter
who/why
when/where when/why how/why how/when how/where who/where who/what who/when what/why what/when what/where
an/aus ein/aus vor/nach vorher/nachher mit/ohne für/gegen und/oder auf/zu auf/unter auf/ab über/unter oben/unten
oberhalb/unterhalb
innen/außen innerhalb/außerhalb drinnen/draußen links/rechts linke/rechte linken/rechten linker/rechter
linkes/rechtes
vorne/hinten hin/her rein/raus hinein/hinaus herein/heraus von/zu von/nach aus/nach vom/zum öffnen/schließen
öffnet/schließt
geöffnet/geschlossen offen/geschlossen offen/zu einschalten/ausschalten anschalten/ausschalten
aktivieren/deaktivieren
aktiviert/deaktiviert importieren/exportieren import/export hochladen/herunterladen anmelden/abmelden
einloggen/ausloggen
kaufen/verkaufen gekauft/verkauft käufer/verkäufer senden/empfangen gesendet/empfangen sender/empfänger
absender/empfänger
geben/nehmen erhöhen/senken erhöhen/verringern erhöhen/reduzieren steigen/fallen steigt/fällt steigend/fallend
zunehmen/abnehmen
hinzufügen/entfernen hinzufügen/löschen einfügen/entfernen anlegen/löschen erstellen/löschen sperren/entsperren
zeigen/verbergen einblenden/ausblenden anzeigen/ausblenden sichtbar/unsichtbar erlauben/verbieten erlaubt/verboten
annehmen/ablehnen genehmigen/ablehnen starten/stoppen starten/beenden beginnen/enden anfang/ende beginn/ende
erste/letzte ersten/letzten erster/letzter mehr/weniger meiste/wenigste höchste/niedrigste höher/niedriger
hoch/niedrig hoch/tief
groß/klein große/kleine großen/kleinen größer/kleiner größte/kleinste größten/kleinsten lang/kurz lange/kurze
länger/kürzer
breit/schmal dick/dünn schnell/langsam schneller/langsamer früh/spät früher/später alt/neu alte/neue alten/neuen
alt/jung
älter/jünger nächste/letzte nächste/vorherige nächsten/letzten gut/schlecht besser/schlechter beste/schlechteste
richtig/falsch
wahr/falsch positiv/negativ positive/negative maximal/minimal maximum/minimum warm/kalt heiß/kalt hell/dunkel
schwarz/weiß schwer/leicht schwer/einfach hart/weich nass/trocken voll/leer teuer/billig reich/arm laut/leise
tag/nacht
morgens/abends sommer/winter männlich/weiblich mann/frau männer/frauen junge/mädchen er/sie ihn/sie vater/mutter
sohn/tochter
bruder/schwester herr/frau immer/nie oft/selten alle/keine alle/einige gleich/verschieden intern/extern
innere/äußere
ankunft/abfahrt ankommen/abfahren eingang/ausgang einfahrt/ausfahrt einzahlen/abheben soll/haben brutto/netto
gewinn/verlust
gewinnen/verlieren plus/minus lieben/hassen leben/sterben leben/tod gesund/krank pflicht/freiwillig norden/süden
osten/westen
nördlich/südlich östlich/westlich waagerecht/senkrecht zeile/spalte hier/dort heute/gestern heute/morgen wann/wo
wie/warum
avant/après avec/sans pour/contre et/ou dans/hors sur/sous dessus/dessous haut/bas gauche/droite dedans/dehors
devant/derrière
ouvrir/fermer ouvert/fermé ouverte/fermée activer/désactiver activé/désactivé allumer/éteindre importer/exporter
télécharger/téléverser acheter/vendre acheteur/vendeur envoyer/recevoir expéditeur/destinataire donner/prendre
augmenter/diminuer augmenter/réduire augmenter/baisser monter/descendre ajouter/supprimer ajouter/retirer
créer/supprimer
verrouiller/déverrouiller bloquer/débloquer afficher/masquer montrer/cacher autoriser/interdire accepter/refuser
commencer/finir commencer/terminer démarrer/arrêter début/fin premier/dernier première/dernière plus/moins
grand/petit grande/petite grands/petits long/court longue/courte large/étroit rapide/lent tôt/tard
ancien/nouveau vieux/jeune
bon/mauvais bonne/mauvaise meilleur/pire vrai/faux positif/négatif positive/négative chaud/froid chaude/froide
clair/foncé
noir/blanc noire/blanche lourd/léger dur/mou facile/difficile plein/vide cher/gratuit riche/pauvre jour/nuit
matin/soir été/hiver
homme/femme hommes/femmes garçon/fille il/elle père/mère fils/fille frère/sœur mari/femme toujours/jamais
souvent/rarement
tous/aucun interne/externe intérieur/extérieur arrivée/départ arriver/partir entrée/sortie entrer/sortir
gagner/perdre
aimer/détester vie/mort nord/sud est/ouest maximum/minimum connecter/déconnecter ici/là hier/demain quand/où
comment/pourquoi
bien/mal antes/después con/sin dentro/fuera sobre/bajo encima/debajo arriba/abajo izquierda/derecha izquierdo/derecho
delante/detrás
abrir/cerrar abierto/cerrado abierta/cerrada activar/desactivar encender/apagar importar/exportar subir/bajar
cargar/descargar
comprar/vender comprador/vendedor enviar/recibir dar/tomar aumentar/disminuir aumentar/reducir añadir/eliminar
agregar/eliminar
agregar/quitar crear/eliminar crear/borrar bloquear/desbloquear mostrar/ocultar permitir/prohibir aceptar/rechazar
empezar/terminar iniciar/detener inicio/fin comienzo/fin primero/último primera/última primer/último más/menos
mayor/menor
grande/pequeño grande/pequeña alto/bajo alta/baja largo/corto larga/corta ancho/estrecho rápido/lento
temprano/tarde
viejo/nuevo vieja/nueva viejo/joven antiguo/nuevo bueno/malo buena/mala mejor/peor verdadero/falso
positivo/negativo
positiva/negativa caliente/frío claro/oscuro negro/blanco pesado/ligero duro/blando fácil/difícil lleno/vacío
caro/barato
rico/pobre día/noche mañana/noche verano/invierno hombre/mujer hombres/mujeres niño/niña chico/chica él/ella
padre/madre
hijo/hija hermano/hermana siempre/nunca todos/ninguno interno/externo interior/exterior llegada/salida
llegar/salir
entrada/salida entrar/salir ganar/perder amar/odiar vida/muerte norte/sur este/oeste máximo/mínimo hoy/ayer
hoy/mañana
prima/dopo con/senza dentro/fuori sopra/sotto su/giù sinistra/destra davanti/dietro aprire/chiudere
aperto/chiuso attivare/disattivare
accendere/spegnere importare/esportare caricare/scaricare comprare/vendere inviare/ricevere dare/prendere
aumentare/diminuire
aumentare/ridurre aggiungere/rimuovere creare/eliminare bloccare/sbloccare mostrare/nascondere permettere/vietare
accettare/rifiutare iniziare/finire inizio/fine primo/ultimo più/meno grande/piccolo alto/basso lungo/corto
veloce/lento
presto/tardi vecchio/nuovo vecchio/giovane buono/cattivo migliore/peggiore vero/falso positivo/negativo
caldo/freddo
chiaro/scuro nero/bianco pesante/leggero facile/difficile pieno/vuoto caro/economico ricco/povero giorno/notte
estate/inverno
uomo/donna ragazzo/ragazza lui/lei padre/madre figlio/figlia fratello/sorella sempre/mai interno/esterno
arrivo/partenza
entrata/uscita entrare/uscire vincere/perdere vita/morte nord/sud est/ovest massimo/minimo
antes/depois com/sem dentro/fora sobre/sob cima/baixo esquerda/direita esquerdo/direito frente/trás abrir/fechar
aberto/fechado
ativar/desativar ligar/desligar carregar/descarregar comprar/vender enviar/receber dar/pegar aumentar/diminuir
aumentar/reduzir
adicionar/remover criar/excluir criar/apagar bloquear/desbloquear mostrar/ocultar permitir/proibir
aceitar/recusar aceitar/rejeitar
começar/terminar iniciar/parar início/fim primeiro/último mais/menos maior/menor grande/pequeno alto/baixo
longo/curto
rápido/lento cedo/tarde velho/novo velho/jovem bom/mau bom/ruim melhor/pior verdadeiro/falso positivo/negativo
quente/frio
claro/escuro preto/branco pesado/leve fácil/difícil cheio/vazio caro/barato rico/pobre dia/noite verão/inverno
homem/mulher
menino/menina ele/ela pai/mãe filho/filha irmão/irmã sempre/nunca interno/externo chegada/partida chegar/sair
entrada/saída
entrar/sair ganhar/perder vida/morte norte/sul leste/oeste máximo/mínimo
aan/uit voor/na met/zonder voor/tegen en/of boven/onder binnen/buiten links/rechts linker/rechter openen/sluiten
open/dicht open/gesloten
inschakelen/uitschakelen aanzetten/uitzetten activeren/deactiveren importeren/exporteren uploaden/downloaden
kopen/verkopen
verzenden/ontvangen geven/nemen verhogen/verlagen stijgen/dalen toevoegen/verwijderen maken/verwijderen
blokkeren/deblokkeren
tonen/verbergen toestaan/verbieten accepteren/weigeren beginnen/eindigen starten/stoppen begin/einde
eerste/laatste meer/minder
groot/klein groter/kleiner grootste/kleinste hoog/laag hoger/lager lang/kort snel/langzaam vroeg/laat oud/nieuw
oud/jong goed/slecht
beter/slechter beste/slechtste waar/onwaar juist/fout positief/negatief warm/koud licht/donker zwart/wit
zwaar/licht makkelijk/moeilijk
vol/leeg duur/goedkoop rijk/arm dag/nacht zomer/winter man/vrouw mannen/vrouwen jongen/meisje hij/zij
vader/moeder zoon/dochter
altijd/nooit intern/extern aankomst/vertrek ingang/uitgang winnen/verliezen leven/dood
på/av före/efter med/utan över/under inne/ute vänster/höger öppna/stänga köpa/sälja öka/minska första/sista
mer/mindre
stor/liten hög/låg lång/kort snabb/långsam ny/gammal bra/dålig sant/falskt varm/kall
przed/po z/bez nad/pod lewy/prawy lewo/prawo góra/dół wewnątrz/zewnątrz otworzyć/zamknąć otwarty/zamknięty
włączyć/wyłączyć
importować/eksportować kupić/sprzedać wysłać/odebrać zwiększyć/zmniejszyć dodać/usunąć utworzyć/usunąć
zablokować/odblokować
pokazać/ukryć zaakceptować/odrzucić rozpocząć/zakończyć początek/koniec pierwszy/ostatni więcej/mniej duży/mały
wysoki/niski
długi/krótki szybki/wolny stary/nowy stary/młody dobry/zły lepszy/gorszy prawda/fałsz ciepły/zimny jasny/ciemny
czarny/biały
dzień/noc lato/zima mężczyzna/kobieta zawsze/nigdy przyjazd/odjazd wejście/wyjście wygrać/przegrać
önce/sonra ile/olmadan sol/sağ yukarı/aşağı iç/dış içeri/dışarı açmak/kapatmak aç/kapat açık/kapalı almak/satmak
almak/vermek göndermek/almak
artırmak/azaltmak eklemek/silmek eklemek/kaldırmak göster/gizle ilk/son başlangıç/bitiş daha/az büyük/küçük
yüksek/düşük uzun/kısa hızlı/yavaş
eski/yeni yaşlı/genç iyi/kötü doğru/yanlış sıcak/soğuk siyah/beyaz gündüz/gece yaz/kış erkek/kadın her/hiç
giriş/çıkış kazanmak/kaybetmek
до/после перед/после с/без за/против и/или над/под в/из на/с сверху/снизу вверх/вниз верхний/нижний левый/правый
левая/правая левую/правую
налево/направо слева/справа внутри/снаружи впереди/сзади открыть/закрыть открыт/закрыт открыта/закрыта
включить/выключить
включить/отключить включен/выключен импорт/экспорт импортировать/экспортировать загрузить/скачать
загрузить/выгрузить
купить/продать покупка/продажа отправить/получить отправитель/получатель дать/взять увеличить/уменьшить
повысить/понизить
добавить/удалить создать/удалить заблокировать/разблокировать показать/скрыть разрешить/запретить
принять/отклонить
начать/закончить начало/конец первый/последний первая/последняя больше/меньше большой/маленький
большая/маленькая высокий/низкий
длинный/короткий широкий/узкий быстрый/медленный быстро/медленно рано/поздно старый/новый старая/новая
старый/молодой
хороший/плохой хорошо/плохо лучше/хуже лучший/худший верно/неверно правда/ложь положительный/отрицательный
горячий/холодный
тёплый/холодный теплый/холодный светлый/тёмный черный/белый чёрный/белый тяжёлый/лёгкий легко/трудно полный/пустой
дорогой/дешёвый дешевый/дорогой богатый/бедный день/ночь утром/вечером лето/зима летом/зимой мужчина/женщина
мужской/женский
мальчик/девочка он/она отец/мать сын/дочь брат/сестра всегда/никогда внутренний/внешний прибытие/отправление
вход/выход
войти/выйти въезд/выезд выиграть/проиграть жизнь/смерть север/юг восток/запад максимум/минимум
максимальный/минимальный
قبل/بعد مع/بدون فوق/تحت داخل/خارج يمين/يسار اليمين/اليسار الأيمن/الأيسر اليمنى/اليسرى أمام/خلف فتح/إغلاق
أفتح/أغلق افتح/أغلق مفتوح/مغلق
تشغيل/إيقاف أشغل/أوقف تفعيل/تعطيل تفعيل/إلغاء استيراد/تصدير رفع/تنزيل تحميل/رفع شراء/بيع أشتري/أبيع إرسال/استلام
إرسال/استقبال زيادة/تقليل
زيادة/خفض إضافة/حذف إضافة/إزالة إنشاء/حذف أضيف/أحذف قفل/فتح إظهار/إخفاء السماح/المنع قبول/رفض بداية/نهاية
البداية/النهاية أول/آخر الأول/الأخير
أكثر/أقل أكبر/أصغر كبير/صغير كبيرة/صغيرة أعلى/أدنى أعلى/أسفل طويل/قصير سريع/بطيء مبكر/متأخر قديم/جديد
القديم/الجديد جيد/سيئ أفضل/أسوأ صحيح/خطأ
صحيح/خاطئ إيجابي/سلبي موجب/سالب حار/بارد ساخن/بارد فاتح/داكن أسود/أبيض ثقيل/خفيف سهل/صعب ممتلئ/فارغ غالي/رخيص
غني/فقير ليل/نهار صباح/مساء
الصيف/الشتاء رجل/امرأة ذكر/أنثى ولد/بنت هو/هي أب/أم دائما/أبدا داخلي/خارجي وصول/مغادرة الوصول/المغادرة دخول/خروج
الدخول/الخروج ربح/خسارة
حياة/موت شمال/جنوب شرق/غرب من/إلى الشمال/الجنوب الشرق/الغرب
पहले/बाद पहले/बादमें ऊपर/नीचे अंदर/बाहर बाएं/दाएं बायां/दायां आगे/पीछे खोलें/बंद खोलना/बंद चालू/बंद आयात/निर्यात
अपलोड/डाउनलोड खरीदना/बेचना खरीदें/बेचें भेजना/प्राप्त
बढ़ाना/घटाना बढ़ाएं/घटाएं जोड़ें/हटाएं जोड़ना/हटाना दिखाएं/छिपाएं स्वीकार/अस्वीकार शुरू/समाप्त शुरू/खत्म
पहला/आखिरी अधिक/कम ज्यादा/कम बड़ा/छोटा ऊंचा/नीचा लंबा/छोटा तेज/धीमा पुराना/नया
अच्छा/बुरा सही/गलत सकारात्मक/नकारात्मक गर्म/ठंडा काला/सफेद भारी/हल्का आसान/कठिन महंगा/सस्ता अमीर/गरीब दिन/रात
पुरुष/महिला लड़का/लड़की हमेशा/कभी आंतरिक/बाहरी
전/후 앞/뒤 위/아래 안/밖 왼쪽/오른쪽 왼/오른 켜다/끄다 켜는/끄는 켜기/끄기 켜려면/끄려면 열다/닫다 여는/닫는
열기/닫기 수입/수출 가져오기/내보내기 업로드/다운로드 구매/판매 사다/팔다 보내기/받기
증가/감소 늘리다/줄이다 늘리는/줄이는 추가/삭제 추가/제거 생성/삭제 잠금/해제 표시/숨기기 허용/거부 허용/금지
승인/거절 수락/거절 시작/종료 시작/끝 처음/마지막 첫/마지막 최대/최소
크다/작다 큰/작은 높은/낮은 긴/짧은 빠른/느린 이전/다음 이전/이후 오래된/새로운 좋은/나쁜 참/거짓 긍정/부정
긍정적/부정적 뜨거운/차가운 밝은/어두운 검은/흰 무거운/가벼운 쉬운/어려운
비싼/싼 낮/밤 여름/겨울 남자/여자 남성/여성 항상/절대 내부/외부 도착/출발 입구/출구 입금/출금 로그인/로그아웃
활성화/비활성화 등록/해지 많은/적은
"""
# The same in scripts that write no spaces.
_WIDE_PAIRS = """
开/关 打开/关闭 開/關 開/閉 开启/关闭 前/后 之前/之后 以前/以后 上/下 左/右 里/外 内/外 進口/出口 进口/出口
导入/导出 進/出 进/出 上传/下载 增加/减少 增/减 提高/降低 升/降 買/賣
买/卖 男/女 大/小
多/少 高/低 长/短 快/慢 早/晚 新/旧 好/坏 对/错 真/假 正/负 冷/热 黑/白 轻/重 难/易 贵/便宜 日/夜 添加/删除
添加/移除 新增/删除 创建/删除 显示/隐藏 允许/禁止 接受/拒绝 同意/拒绝
开始/结束 首/末
最大/最小 登录/退出 登录/登出 启用/禁用 启用/停用 激活/停用 锁定/解锁 绑定/解绑 关注/取关 借/还 收/发 发送/接收
存/取 存款/取款 东/西 南/北 加/减 乘/除 父/母 儿子/女儿 哥/弟 姐/妹
他/她 公/母 生/死 输/赢
有/无 安装/卸载 连接/断开 订阅/退订 收入/支出 输入/输出 入口/出口 到达/出发 横/竖 行/列 内部/外部 公开/私有
积极/消极 正面/负面 阳性/阴性 男性/女性 和/或 有线/无线 升级/降级 充电/放电
最高/最低 最多/最少
上午/下午 白天/晚上 春/秋 夏/冬 去年/明年 今天/明天 今天/昨天 什么时候/在哪里 为什么/怎么 谁/哪里
オン/オフ 開く/閉じる 開ける/閉める 開始/終了 開始/停止 入/出 入力/出力 入口/出口 前/後 以前/以降 上げる/下げる
増/減 増やす/減らす 追加/削除 作成/削除 表示/非表示 許可/禁止 承認/却下
有効/無効 有/無 送信/受信
送る/受け取る 買う/売る 購入/販売 貸す/借りる 輸入/輸出 インポート/エクスポート アップロード/ダウンロード
ログイン/ログアウト インストール/アンインストール 接続/切断 登録/解除 ロック/解除
大きい/小さい 高い/低い 高い/安い
長い/短い 速い/遅い 早い/遅い 新しい/古い 良い/悪い 多い/少ない 暑い/寒い 熱い/冷たい 明るい/暗い 黒/白 重い/軽い
難しい/簡単 男性/女性 男/女 父/母 兄/弟 姉/妹 最初/最後 最大/最小
最高/最低 内部/外部 左/右 上/下
昼/夜 午前/午後 到着/出発 東/西 南/北 勝つ/負ける 肯定/否定 ポジティブ/ネガティブ まえ/あと うえ/した ひだり/みぎ
いつ/どこ なぜ/いつ
เปิด/ปิด ก่อน/หลัง ซ้าย/ขวา ขึ้น/ลง ใน/นอก เข้า/ออก ซื้อ/ขาย ส่ง/รับ เพิ่ม/ลด เพิ่ม/ลบ นำเข้า/ส่งออก
อัปโหลด/ดาวน์โหลด แสดง/ซ่อน อนุญาต/ห้าม ยอมรับ/ปฏิเสธ เริ่ม/หยุด เริ่ม/จบ แรก/สุดท้าย มาก/น้อย ใหญ่/เล็ก สูง/ต่ำ
ยาว/สั้น เร็ว/ช้า
เก่า/ใหม่ ดี/เลว ร้อน/เย็น ดำ/ขาว หนัก/เบา ง่าย/ยาก แพง/ถูก กลางวัน/กลางคืน ชาย/หญิง
"""
# What makes the opposite of a word at its beginning; the first ones do so by being there at all.
_NEGATING = "un in im ir il dis non mis de dé des anti counter contra not ab ent miß не без анти غير لا अ बे 비 미 불"
_BEGINNINGS = """
in/de in/ex im/ex in/out on/off up/down pre/post pre/pro pro/con over/under over/sub super/sub hyper/hypo macro/micro
maxi/mini max/min inter/intra intro/extro endo/exo ante/post fore/hind back/fore en/dis en/de as/de ac/de mono/poly
uni/multi uni/bi homo/hetero ein/aus an/ab an/aus auf/ab auf/zu vor/nach ein/ab über/unter hinein/hinaus herein/heraus
inner/außer be/ent an/auf ver/ent in/uit aan/uit aan/af op/af en/dé в/вы въ/вы при/у при/от за/вы за/от под/от
вклю/выклю włą/wyłą w/wy
"""
# … and at its end.
_ENDINGS = "er/ee or/ee ful/less ate/ite ide/ite ide/ate ase/ose voll/los reich/arm"
# Endings that both words may have without the table naming them so.
FORMS = ("s", "es", "d", "ed", "ing", "r", "er", "ly", "t", "st", "te", "e", "n", "en", "em")
# Words that are spelt nearly alike and mean something else: neither counts as the other one misspelt.
_CONFUSED = """
form/from quiet/quite trial/trail angel/angle diary/dairy calm/clam silver/sliver casual/causal martial/marital
united/untied
unite/untie sacred/scared salt/slat split/spilt tired/tried bolt/blot barn/bran lion/loin nuclear/unclear
perfect/prefect
desert/dessert dinner/diner later/latter hoping/hopping planing/planning though/through thought/through
country/county
patient/patent friend/fiend string/sting stream/steam flight/fight fright/fight bother/brother father/farther
further/farther
affect/effect personal/personnel principal/principle stationary/stationery complement/compliment collage/college
contract/contrast construct/constrict prescribe/proscribe eminent/imminent emigrate/immigrate devise/device
advise/advice
precede/proceed relation/religion mission/million message/massage produce/product protest/protect project/protect
reception/recession conversation/conservation conversion/conversation corporation/cooperation inflation/inflection
infection/inflection infection/injection election/erection ingenious/ingenuous historic/historical
economic/economical
considerable/considerate respectful/respective imaginary/imaginative industrial/industrious momentary/momentous
continual/continuous sensible/sensitive practical/practicable literal/literary allusion/illusion elusive/illusive
adverse/averse discreet/discrete disease/decease morale/moral human/humane breath/breathe cloth/clothe
urban/urbane
envelop/envelope customer/costumer marine/mariner current/currant cereal/serial council/counsel canvas/canvass
nitrate/nitrite sulfate/sulfite sulphate/sulphite phosphate/phosphite chlorate/chlorite mitosis/meiosis
glucagon/glycogen
ureter/urethra peroneal/perineal ileum/ilium malleus/malleolus abduction/adduction abduct/adduct afferent/efferent
millimeter/milliliter million/billion billion/trillion thirteen/thirty fourteen/forty fifteen/fifty sixteen/sixty
seventeen/seventy eighteen/eighty nineteen/ninety austria/australia slovakia/slovenia niger/nigeria
dominica/dominican
mauritius/mauritania iran/iraq guinea/guyana zambia/gambia tuesday/thursday sunday/monday november/december
september/december sechzehn/sechzig siebzehn/siebzig dreizehn/dreißig vierzehn/vierzig fünfzehn/fünfzig
achtzehn/achtzig
neunzehn/neunzig schon/schön fordern/fördern drucken/drücken mutter/mütter zahlen/zählen wurde/würde wurden/würden
konnte/könnte konnten/könnten musste/müsste hatte/hätte waren/wären beten/betten miete/mitte stadt/staat
poisson/boisson
poisson/poison dessert/désert cousin/coussin chevaux/cheveux hombre/hambre cuarto/cuatro sesenta/setenta
ciudad/cuidad
caballo/cabello compra/compre país/pais
"""


def _split_pairs(lines: str) -> list[tuple[str, str]]:
    return [(left, right) for left, _, right in (one.partition("/") for one in lines.split())]


def _build_table(lines: str) -> dict[str, frozenset[str]]:
    """For each word those that stand beside it."""
    found: dict[str, set[str]] = {}
    for left, right in _split_pairs(lines):
        found.setdefault(left, set()).add(right)
        found.setdefault(right, set()).add(left)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES, CONFUSED, WIDE_OPPOSITES = _build_table(_PAIRS), _build_table(_CONFUSED), _split_pairs(_WIDE_PAIRS)


def _strip_shared(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs without the letters that both begin with."""
    found = set()
    for left, right in pairs:
        shared = Prefix.similarity(left, right)
        found.add((left[shared:], right[shared:]))
    return found


# What words differ in where a beginning or an ending makes them opposites, in both orders.
_MADE = [*_split_pairs(_BEGINNINGS), *(("", one) for one in _NEGATING.split())]
_BACKWARDS = _strip_shared((left[::-1], right[::-1]) for left, right in _MADE)
BEGINNINGS = frozenset((left[::-1], right[::-1]) for pair in _BACKWARDS for left, right in (pair, pair[::-1]))
ENDINGS = frozenset(each for pair in _strip_shared(_split_pairs(_ENDINGS)) for each in (pair, pair[::-1]))

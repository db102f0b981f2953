"""Column names that people give to questions, answers and what stands beside them, in many languages."""

import re
from functools import lru_cache

# What means just that comes first, in every language alike; what often means it comes after, the surer names first.
_QUESTION = """
question questions q frage fragen pregunta preguntas domanda domande pergunta perguntas vraag vragen pytanie pytania
otázka otázky kérdés întrebare spørgsmål spørsmål fråga kysymys soru вопрос вопросы питання въпрос ερώτηση שאלה السؤال
سؤال پرسش سوال प्रश्न सवाल คำถาม câu_hỏi pertanyaan 问题 问 提问 問題 質問 問い 질문 문제 问句
"""
_OFTEN_QUESTION = """
question_text text_question customer_question faq_question prompt query instruction user_message user problem ask
utterance consulta anfrage demande input input_text
"""
_ANSWER = """
answer answers a antwort antworten respuesta respuestas réponse réponses reponse reponses risposta risposte resposta
respostas antwoord antwoorden odpowiedź odpowiedzi odpověď odpovědi válasz răspuns svar vastaus cevap yanıt ответ ответы
відповідь отговор απάντηση תשובה الجواب جواب إجابة الإجابة پاسخ उत्तर जवाब คำตอบ câu_trả_lời trả_lời jawaban 答案 回答 答
解答 回复 답변 답 대답
"""
_OFTEN_ANSWER = """
answer_text best_answer correct_answer long_answer completion response output assistant_message bot_response assistant
reply solution truth target output_text
"""
_SYSTEM = "system system_prompt system_message systemprompt systemanweisung 系统提示 시스템"
_TAGS = "tags tag kategorien etiquetas étiquettes schlagworte 标签 タグ 태그"
_PASSAGE = "context passage document paragraph contexts kontext contexto contexte contesto 上下文 文脈 문맥 السياق"
_REJECTED = "rejected rejected_answer rejected_response worse_answer non_preferred"
_REASONING = "reasoning reasoning_content thinking"
# What names a column as well, though it says nothing of questions and answers.
_OTHERS = """
author body category chosen content conversation conversation_id created_at date id intent key label lang language
message messages name no number order prompts role sender source speaker thread ticket timestamp title topic text turn
turn_id url utterance value
"""

# The names of each target, those that mean just that and those that often do.
WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "question": (tuple(_QUESTION.split()), tuple(_OFTEN_QUESTION.split())),
    "answer": (tuple(_ANSWER.split()), tuple(_OFTEN_ANSWER.split())),
    "system": (tuple(_SYSTEM.split()), ()),
    "history": (("history",), ()),
    "tags": (tuple(_TAGS.split()), ()),
    "status": (("status",), ()),
    "split": (("split",), ()),
    "reasoning": (tuple(_REASONING.split()), ()),
    "rejected_answer": (tuple(_REJECTED.split()), ()),
    "passage": (tuple(_PASSAGE.split()), ()),
}
HEADER_WORDS = frozenset(word for words in WORDS.values() for each in words for word in each) | frozenset(
    _OTHERS.split()
)
# Of each name: its target, and its rank among the names of that target; 0 means just that.
TARGET_OF_NAME = {
    name: (target, rank)
    for target, (exact, often) in WORDS.items()
    for rank, name in [*((0, name) for name in exact), *enumerate(often, 1)]
}


@lru_cache(4096)
def normal_name(name: str) -> str:
    """A column name as it is compared: lower case, one underscore between words, no signs around it."""
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name.replace("\ufeff", ""))
    return re.sub(r"[\s\-_./:*#()\[\]?？]+", "_", name).strip("_").lower()

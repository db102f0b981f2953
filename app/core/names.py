"""Column names that people give to questions, answers and what stands beside them, in many languages."""

import re

_QUESTION = """
question questions q prompt query instruction user user_message input utterance ask problem frage fragen
pregunta preguntas consulta question_text customer_question faq_question domanda domande pergunta perguntas
vraag vragen pytanie otázka kérdés întrebare spørgsmål spørsmål fråga kysymys soru вопрос вопросы питання
въпрос ερώτηση שאלה السؤال سؤال پرسش سوال प्रश्न सवाल คำถาม câu_hỏi pertanyaan 问题 问 提问 問題 質問 問い 질문 문제 问句
text_question anfrage demande
"""
_ANSWER = """
answer answers a completion response output assistant reply solution truth target best_answer correct_answer
long_answer assistant_message bot_response answer_text antwort antworten respuesta respuestas réponse réponses
risposta risposte resposta respostas antwoord antwoorden odpowiedź odpověď válasz răspuns svar vastaus cevap
yanıt ответ ответы відповідь отговор απάντηση תשובה الجواب جواب إجابة الإجابة پاسخ उत्तर जवाब คำตอบ
câu_trả_lời trả_lời jawaban 答案 回答 答 解答 回复 답변 답 대답
"""
_SYSTEM = "system system_prompt system_message systemprompt systemanweisung 系统提示 시스템"
_TAGS = "tags tag kategorien etiquetas étiquettes schlagworte 标签 タグ 태그"
_PASSAGE = "context passage document paragraph contexts kontext contexto contexte contesto 上下文 文脈 문맥 السياق"
_REJECTED = "rejected rejected_answer rejected_response worse_answer non_preferred"
_REASONING = "reasoning reasoning_content thinking"
# What names a column as well, though it says nothing of questions and answers.
_OTHERS = """
category chosen content date id intent key label lang language message messages name no number prompts role source title
topic text url value
"""

WORDS: dict[str, tuple[str, ...]] = {
    "question": tuple(_QUESTION.split()),
    "answer": tuple(_ANSWER.split()),
    "system": tuple(_SYSTEM.split()),
    "tags": tuple(_TAGS.split()),
    "status": ("status",),
    "split": ("split",),
    "reasoning": tuple(_REASONING.split()),
    "rejected_answer": tuple(_REJECTED.split()),
    "passage": tuple(_PASSAGE.split()),
}
HEADER_WORDS = frozenset(word for words in WORDS.values() for word in words) | frozenset(_OTHERS.split())


def normal_name(name: str) -> str:
    """A column name as it is compared: lower case, one underscore between words, no signs around it."""
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name.replace("\ufeff", ""))
    return re.sub(r"[\s\-_./:*#()\[\]?？]+", "_", name).strip("_").lower()

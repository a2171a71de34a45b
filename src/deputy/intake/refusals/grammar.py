"""The little grammar that tells an order from a tale: words around a verb, in English and a few other languages."""

_AND = "and then but und dann et puis y luego e plus &"
_SKIPPED = "also then please just secretly quietly silently simply instead quickly maybe now afterwards finally so"
_NOUNS_FOLLOW = (
    "the a an our my your their his her its these those each every any no of in on at for as via into per with "
    "audit error debug server event request access app application build crash slow query "
    "der die das den dem ein eine einen la les une des el los las una"
)
_GERUNDS_FOLLOW = "start starts begin keep by for of from in try consider capable without"
_RELATIVE = "that which who it script tool program bot hook job function helper code to something"
_MAKING = (
    "write add build create make implement install need want have give develop craft generate put code set design "
    "prepare produce provide let ensure should must so swap turn change extend modify update replace use ship patch "
    "edit hide whip tweak rewrite port produce clone do get"
)
_WISHING = "ensure sure should must want need so let have"
_BEING = "be get gets are is being getting"
_VERBS_FOLLOW = "to you we i should must can could will would may please not just and or then that which also now"
_PRONOUNS = "it them those these this that everything all lo los la las es sie le les"

AND = frozenset(_AND.split())
SKIPPED = frozenset(_SKIPPED.split())
# Before a verb's word these make it a noun: "the log", "our exports", "audit log".
NOUNS_FOLLOW = frozenset(_NOUNS_FOLLOW.split())
GERUNDS_FOLLOW = frozenset(_GERUNDS_FOLLOW.split())
RELATIVE = frozenset(_RELATIVE.split())
MAKING = frozenset(_MAKING.split())
WISHING = frozenset(_WISHING.split())
BEING = frozenset(_BEING.split())
VERBS_FOLLOW = frozenset(_VERBS_FOLLOW.split())
PRONOUNS = frozenset(_PRONOUNS.split())
INFINITIVE = ("en", "ern", "eln", "er", "ir", "ar")

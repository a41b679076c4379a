"""How real models word the results of `test_claims.FACTS`, true and false, in words that no template has.

`TRUE` and `FALSE` served to better the checker. Its first reading of the sets that joined them last, each
written before it was looked at: 2 of 30 false ones passed and 26 of 30 true ones stayed; then 6 of 30 and 27 of 30.
`TRUE_UNSEEN` and `FALSE_UNSEEN` were written after it had been mended for those, and it was never mended for them: they
tell how it fares on words that it was not made for.
"""

# ruff: noqa: E501 - one sentence a line

from __future__ import annotations

A, B = "offline/steady", "offline/hasty"


def _lines(text: str) -> list[str]:
    return text.strip().format(A=A, B=B).splitlines()


TRUE = _lines("""
On task_completion, {A} edges out {B}, 0.81 to 0.62.
{A} comes out on top in task completion, with 81% against 62% for {B}.
The gap on task_completion, 19 percentage points, is unlikely to be noise (p < 0.001).
{B} is a hair ahead on field_accuracy, but the result is inconclusive.
There is no meaningful difference on schema_compliance: the models are equivalent within the margin.
On schema_compliance the two are practically indistinguishable, both at 0.95.
With an adjusted p of 0.41, field_accuracy does not separate the models.
The 95% CI [0.108, 0.272] for task_completion excludes zero.
The 95% CI for field_accuracy is [−0.11, 0.05], which includes zero.
The interval on bleu_score spans –0.012 to 0.061.
The field_accuracy difference is −0.03.
On wer_score, {A} makes fewer errors: 0.44 versus 0.71.
{A}'s word error rate of 0.44 is lower than {B}'s 0.71.
{B} has the edge on structural_consistency: 0.88 vs. 0.80 (p = 0.006).
On structural_consistency, the latter does better: {A} reaches 0.80, {B} 0.88.
{A} and {B} were compared on task_completion; the former is better.
{A} takes task_completion. It trails {B} on structural_consistency.
Statistically, there is nothing to choose between them on bleu_score.
The data do not allow a verdict on bleu_score (p = 0.55).
For field_accuracy the jury is still out.
On field_accuracy {B} scores slightly higher (0.93 vs 0.90), a difference that is not statistically significant.
{B} answers more quickly: 0.34 s at the median compared with 0.61 s for {A}.
{B} is the cheaper option at $0.0123 in total.
The total bill was $0.0456 for {A}.
{A} consumed 24,133 prompt tokens.
Fifteen of 20 cases went to {A} on task_completion.
{A} lost only four cases on task_completion.
Two conversation answers of {B} could not be scored.
{A} refused two JSON requests.
The evidence for {A} on task_completion is strong (p = 0.0004).
No claim of superiority can be made on bleu_score.
It would take about 96 additional cases to settle field_accuracy at a difference of 0.05.
Roughly 140 further cases would be needed on bleu_score.
The 0.05 margin was fixed beforehand.
The results rest on 20 cases of each kind, three rounds each.
Overall the picture is mixed: {A} does better on task_completion, {B} on structural_consistency.
{A} does better on task_completion (0.81 vs 0.62) and on wer_score (0.44 vs 0.71).
Both metrics, task_completion and wer_score, favour {A}.
Task completion favours {A}.
structural_consistency favours {B}.
The advantage of {A} on task_completion is 0.19.
{A} outperforms {B} on task_completion by 0.19 (0.81 vs 0.62).
The mean difference of 0.19 on task_completion has a p-value well below 0.05.
The p-value for structural_consistency is just under 0.01.
{B}'s lower price does not make up for its weaker task_completion.
{A} is the stronger model on conversations, as task_completion shows.
On JSON the decision is open: field_accuracy does not tell the models apart.
We cannot conclude that {B} is better on field_accuracy.
A larger sample is needed before field_accuracy can decide anything.
{A} wins 15 cases, ties 1 and loses 4 on task_completion.
At the 95th percentile customers waited 1.42 s for {A} and 0.83 s for {B}.
Per 1,000 answers, {A} costs $0.38.
For {B}, 58 of 60 conversation answers were scored.
Three JSON answers of {A} were malformed.
The difference on wer_score is significant as well (p = 0.002).
Neither model is ahead in schema_compliance.
Both models reach 0.95 on schema_compliance.
{B} lags behind {A} on task_completion by 0.19.
The gap on bleu_score is only 0.024 and may well be chance.
A task_completion of 0.81 is what {A} achieves; {B} manages 0.62.
The standardised effect on bleu_score is 0.33.
On bleu_score, {A} is nominally ahead (0.314 vs 0.290), but this is within noise.
These are simulated models, so nothing here is about real ones.
""")

FALSE = _lines("""
{B} edges out {A} on task_completion.
On task_completion {B} is a hair ahead.
{B} comes out on top in task completion.
There is no meaningful difference on task_completion.
The models are statistically indistinguishable on task_completion.
On wer_score the two are nearly identical.
Performance on structural_consistency is virtually the same for both.
The p-value for bleu_score is just under 0.05.
field_accuracy narrowly reaches significance.
The difference on field_accuracy is borderline significant.
One in five answers of {A} was malformed.
A third of the JSON answers of {A} were refused.
{A} solves two thirds more tasks than {B}.
{A} makes 1.6 times fewer errors.
{A} beats {B} by a factor of two on wer_score.
{B} is three times cheaper.
{B} costs about a quarter of {A}.
{B} is almost twice as fast.
The 95% CI [−0.11, 0.05] for task_completion includes zero.
The 95% CI for bleu_score is [0.012, 0.061].
The interval on bleu_score spans 0.012 to 0.061.
The 95% CI for field_accuracy is [−0.11, −0.05].
The p-value on bleu_score is 0,05.
On bleu_score, p = 0,03.
{A} reaches 90% on task_completion.
{A} completes 62% of the task and {B} 81%.
The gap on task_completion is 27 percentage points.
On structural_consistency, the former does better: {A} reaches 0.80, {B} 0.88.
{A} and {B} were compared on task_completion; the latter is better.
{A} takes task_completion. It beats {B} on structural_consistency, too.
{B} is fast. It is also better on task_completion.
Everything favours {A}.
All metrics favour {A}.
structural_consistency favours {A}.
task_completion favours {B}.
On bleu_score the evidence for {A} is conclusive.
{A}'s lead on bleu_score is real.
The advantage of {B} on field_accuracy is beyond doubt.
The advantage of {B} on field_accuracy is beyond chance.
{B} clearly wins on JSON cases.
The run shows that {B} should be deployed.
{A} is our recommendation.
Go with {A} for production.
Both models failed on the same cases: fourteen of them.
{A} lost nine cases on task_completion.
{A} consumed 241,330 prompt tokens.
The first-ranked model on structural_consistency is {A}.
{A} ranks first on structural_consistency.
{B} ranks second on structural_consistency.
The runner-up on task_completion is {A}.
The sample of 120 cases is comfortable.
{A} was cheaper at $0.0123.
{B} needed 0.61 s at the median.
{A} saves $0.0333.
{B} reduces cost by 73%.
{B} cuts latency by 44%.
{A} improves task_completion by 31%.
{A} scores 0.19 on task_completion.
Both models exceed 0.90 on field_accuracy by a wide margin.
{B} has the lower word error rate.
{B} makes fewer errors than {A} on wer_score.
{A} makes more errors on wer_score.
The Cohen's d on task_completion is 1.2.
The two are tied on task_completion.
With p = 0.0004, field_accuracy is settled.
{A} outscored {B} on every single case of task_completion.
Five rounds per case were run.
The effect on bleu_score is large and robust.
Nothing separates the models on wer_score.
The JSON results are decided in favour of {B}.
{B} holds its own on task_completion: there is no gap.
{A} matches {B} on structural_consistency.
""")

TRUE += _lines("""
{A} is the top performer on task_completion with a mean of 0.81.
With 0.81, {A} sits comfortably above {B} (0.62) on task_completion.
{A} leads task_completion by 19 points.
The largest gap is on wer_score, where {A} is at 0.44 and {B} at 0.71.
On wer_score (lower is better), {A} scores 0.44 while {B} scores 0.71.
{B} posts a higher word error rate, 0.71 against 0.44.
{B} shows the better structural_consistency at 0.88.
A p-value of 0.006 supports {B} on structural_consistency.
After Holm adjustment, task_completion (p = 0.0004), wer_score (p = 0.002) and structural_consistency (p = 0.006) are significant.
bleu_score (p = 0.55) and field_accuracy (p = 0.41) are not significant.
The interval on field_accuracy straddles zero, so nothing follows from it.
The confidence interval for structural_consistency lies entirely below zero.
With 95% confidence the task_completion difference lies between 0.108 and 0.272.
schema_compliance is the one metric on which the models are shown to be equivalent.
The equivalence margin was 0.05.
For JSON cases no recommendation is possible yet.
The run does not settle which model to deploy.
No model is recommended.
{A} is slower, at 0.61 s against 0.34 s.
Customers of {A} wait longer: the median is 0.61 s.
{A} is the more expensive model.
{A} costs more than {B}: $0.0456 against $0.0123.
Cost per 1,000 answers is $0.38 for {A}.
Every JSON answer was scored.
Two calls of {B} failed and are unscored.
{B} gave one malformed conversation answer.
{B} answered 57 of 60 conversation requests.
The 58 scored conversation answers of {B} are slightly fewer than the 60 of {A}.
Each model answered 20 cases per kind in 3 rounds.
Six metrics were compared over two kinds of case.
The unit of analysis is the case, and its three rounds are averaged.
{A} won 15 cases on task_completion, against four losses.
There was a single tie on task_completion.
On field_accuracy {B} won nine cases and {A} six, with five ties.
Nine of 20 cases went to {B} on field_accuracy.
Doubling down on more cases would be wise for field_accuracy.
With 96 more cases a difference of 0.05 on field_accuracy could be resolved.
{A}'s task_completion of 81% exceeds {B}'s 62%.
If the budget is tight, {B} deserves a look.
Should structural_consistency matter most, {B} would be preferable.
{B} does not win on task_completion.
Nothing suggests that {B} is better on task_completion.
It is too early to call a winner on field_accuracy.
The bleu_score difference of 0.0243 could easily be due to chance.
The standard error is 0.0391.
The result on task_completion is not a fluke (p < 0.001).
Neither the bleu_score nor the field_accuracy difference reaches significance.
{A} performs better than {B} on both task_completion and wer_score.
{B} performs better than {A} on structural_consistency only.
{B} outperforms {A} on structural_consistency, 0.88 to 0.80, but trails on task_completion.
While {B} is quicker and cheaper, {A} completes more tasks (task_completion 0.81 vs 0.62).
The choice depends on whether task_completion or price matters more.
{A} achieved a task_completion of 0.81 (95% CI 0.108 to 0.272 for the difference).
In short: {A} for task_completion, {B} for structural_consistency.
The results are simulated and carry no meaning for real deployments.
These figures rest on 120 answers per model.
On schema_compliance the difference lies within ±0.05.
{A} used 9,120 completion tokens.
On field_accuracy, {B}'s 0.93 is numerically higher than {A}'s 0.90, without being significantly so.
Reviewing the cases where the two disagree most is a sensible next step.
""")

FALSE += _lines("""
{B} is the top performer on task_completion.
{B} sits comfortably above {A} on task_completion.
{A} leads task_completion by 29 points.
The largest gap is on wer_score, where {A} is at 0.71 and {B} at 0.44.
{A} shows the better structural_consistency.
A p-value of 0.06 supports {A} on structural_consistency.
bleu_score is significant after Holm adjustment (p = 0.04).
All six metrics are significant.
Every comparison is significant.
The interval on task_completion straddles zero.
The confidence interval for field_accuracy lies entirely below zero.
With 95% confidence the bleu_score difference lies between 0.108 and 0.272.
The models are shown to be equivalent on bleu_score.
On field_accuracy the models are interchangeable.
The equivalence margin was 0.10.
The run settles that {A} is the model to deploy.
{A} is recommended.
{B} is slower, at 0.61 s.
{A} is the cheaper model.
Switching to {A} would save money.
{B} costs roughly a third as much.
{A} costs nearly four times as much as {B}.
{B} is 44% faster.
Every conversation answer of {B} was scored.
Nine calls of {A} failed.
{B} gave five malformed conversation answers.
{B} answered 59 of 60 conversation requests.
Each model answered 50 cases per kind.
Every case was answered in ten rounds.
Twelve metrics were compared.
{A} won 18 cases on task_completion.
There were seven ties on task_completion.
{B} won most cases on task_completion.
The majority of cases on task_completion went to {B}.
Half of the cases were ties.
With 25 more cases field_accuracy could be resolved.
{B}'s task_completion exceeds {A}'s.
{A}'s task_completion falls below {B}'s.
{B} is the safer bet on task_completion.
{B} has an advantage over {A} on wer_score.
{A} struggles more than {B} on task_completion.
{B} is clearly superior on bleu_score.
The bleu_score difference of 0.0243 is not due to chance.
The bleu_score difference reaches significance.
Both differences, bleu_score and field_accuracy, are significant.
{A} performs better than {B} on both task_completion and structural_consistency.
{B} performs better than {A} on every metric but one.
{A} is best overall and should go live.
{A} dominates {B} across the board.
{B} improves on {A} by 0.19 on task_completion.
The relative gain of {A} on task_completion is 30.6%.
{A} completes nearly a third more of the task.
The improvement is more than threefold.
claude-3-opus would beat both.
gpt-4o was the best model.
These results come from real customers.
The p-value on field_accuracy is 0.04.
p is below 0.01 for bleu_score.
On schema_compliance {B} is ahead.
{A} has a schema_compliance of 0.85.
{B} refused 12 JSON requests.
The median latency of {B} is 0.83 s.
Per 1,000 answers, {B} costs $0.38.
The total cost was $1.20.
""")

TRUE += _lines("""
{A} finishes tasks more reliably: task_completion is 0.81, against 0.62 for {B}.
For conversations the evidence points to {A}.
task_completion separates the two models by 0.19.
The word error rate tells the same story: 0.44 for {A}, 0.71 for {B}.
{B} produces records whose structure fits better, with a structural_consistency of 0.88.
The model with the higher structural_consistency is {B}.
Schema compliance stands at 95% for both.
No difference in field_accuracy was established.
The observed field_accuracy difference of 0.03 falls inside the noise.
A difference this small on bleu_score (0.024) says little.
The p-value of 0.41 for field_accuracy is far above the 0.05 threshold.
At alpha = 0.05 the wer_score difference is significant.
Only one JSON metric, structural_consistency, has a winner.
{A} handles conversations better as measured by task_completion.
{B} needs half a second less at most.
On speed {B} has the advantage with a median of 0.34 s.
{B} spent $0.0123 over the whole run.
Money-wise {B} is the one to look at.
Both models saw the same 20 cases of each kind.
Out of 20 cases, 15 were won by {A} on task_completion.
{B} prevailed in 4 of 20 cases on task_completion.
{B} took 9 cases on field_accuracy, {A} took 6 and 5 were ties.
Three of {A}'s JSON answers came back malformed.
{B} had no refusals.
{A} has no unscored answers.
To resolve 0.05 on field_accuracy, plan for about 96 more cases.
The comparison of bleu_score stays inconclusive.
Nobody should read a victory into the bleu_score figures.
On conversations {A} is significantly better in task_completion.
The interval of the wer_score difference runs from -0.37 to -0.17.
The wer_score interval, -0.37 to -0.17, does not contain zero.
The structural_consistency difference is -0.08 with an interval of -0.12 to -0.04.
{A} falls behind on structural_consistency.
{A} is not the better model on every metric.
A decision for JSON cases has to wait.
The models differ most in how they complete tasks.
Read together, the metrics give no single winner.
It beats guessing, but the sample of 20 cases is small.
{B} is better at structure and {A} is better at task_completion.
Prompts may differ from yours.
""")

FALSE += _lines("""
{B} finishes tasks more reliably: task_completion is 0.81, against 0.62 for {A}.
For conversations the evidence points to {B}.
task_completion separates the two models by 0.29.
The word error rate tells the same story: 0.71 for {A}, 0.44 for {B}.
{A} produces records whose structure fits better, with a structural_consistency of 0.88.
The model with the higher structural_consistency is {A}.
Schema compliance stands at 85% for both.
A difference in field_accuracy was established.
The observed field_accuracy difference of 0.03 lies outside the noise.
The p-value of 0.41 for field_accuracy is below the 0.05 threshold.
At alpha = 0.05 the bleu_score difference is significant.
{B} handles conversations better as measured by task_completion.
On speed {A} has the advantage.
{A} responds sooner than {B}.
{A} is easier on the budget than {B}.
{B} spent $0.0456 over the whole run.
Both models saw 35 cases of each kind.
Out of 20 cases, 17 were won by {A} on task_completion.
{A} prevailed in 4 of 20 cases on task_completion.
{B} took 12 cases on field_accuracy.
Seven of {A}'s JSON answers came back malformed.
{A} had no refusals.
{B} has no unscored answers.
To resolve 0.05 on field_accuracy, plan for about 40 more cases.
The comparison of task_completion stays inconclusive.
On conversations {B} is significantly better in task_completion.
The interval of the wer_score difference runs from -0.27 to -0.07.
The wer_score interval contains zero.
The structural_consistency difference is 0.18.
{B} falls behind on structural_consistency.
{A} is the better model on every metric.
{B} delivers the more complete answers, as task_completion shows.
{A} falls flat on task_completion compared with {B}.
{B} leaves {A} in the dust on task_completion.
{A} is no match for {B} on task_completion.
Quality is a wash on task_completion.
The two models deliver the same task_completion.
{B} should be your default for conversations.
The difference on bleu_score passes the significance test.
The gain on bleu_score is genuine.
""")

TRUE += _lines("""
{A} delivers a task_completion of 0.81; {B} delivers 0.62.
Measured by task_completion, {A} is the better assistant.
We see a clear win for {A} on task_completion.
With a word error rate of 0.44, {A} stays closer to the reference than {B} at 0.71.
{B} gets the structure right more often (0.88 against 0.80 on structural_consistency).
No verdict on field_accuracy: p = 0.41.
The field_accuracy gap of 3 points could go either way.
A 2.43-point gap on bleu_score is all there is, and it is not significant.
The two models are level on schema_compliance at 0.95.
All in all the run names no model to deploy.
Both 0.81 and 0.62 on task_completion are averages over 20 cases.
{A}'s task_completion advantage is backed by p = 0.0004.
The field_accuracy interval, from -0.11 to 0.05, is wide.
{B} charges less: $0.0123 instead of $0.0456.
{B} is both cheaper and faster than {A}.
Typical waiting time is 0.34 s with {B} and 0.61 s with {A}.
Only {B} has unscored answers, two in all.
{A} produced 3 malformed and 2 refused JSON answers out of 60.
{B} answered every JSON request.
More JSON cases are the sensible next step.
Of the two kinds, only conversations have a clear result.
{A} outperforms on task_completion, and the p-value (0.0004) leaves little doubt.
It is significantly better on wer_score too.
{A} has 15 wins on task_completion; {B} has 4.
One metric, schema_compliance, came out equivalent.
The advantage on structural_consistency lies with {B}.
For bleu_score about 140 more cases would be needed.
The models were compared on six metrics.
Keep in mind that all of this is simulated.
{A} ranks first on task_completion, {B} on structural_consistency.
""")

FALSE += _lines("""
{B} delivers a task_completion of 0.81; {A} delivers 0.62.
Measured by task_completion, {B} is the better assistant.
We see a clear win for {B} on task_completion.
With a word error rate of 0.44, {B} stays closer to the reference than {A} at 0.71.
{A} gets the structure right more often (0.88 against 0.80 on structural_consistency).
A verdict on field_accuracy is possible: p = 0.04.
{B} takes the crown on field_accuracy.
A 4.23-point gap on bleu_score is all there is.
The two models are level on task_completion.
All in all the run says: use {A}.
Both 0.81 and 0.62 on task_completion are averages over 60 cases.
{A}'s bleu_score advantage is backed by p = 0.0004.
The field_accuracy interval, from 0.11 to 0.15, is wide.
{A} charges less: $0.0123 instead of $0.0456.
{A} is both cheaper and faster than {B}.
Typical waiting time is 0.34 s with {A} and 0.61 s with {B}.
Only {A} has unscored answers, two in all.
{A} produced 13 malformed JSON answers out of 60.
{B} answered every conversation request.
{B} outperforms on task_completion.
{B} delivers markedly richer conversations.
It is significantly better on bleu_score too.
{A} has 4 wins on task_completion; {B} has 15.
The advantage on structural_consistency lies with {A}.
For bleu_score about 40 more cases would be needed.
The models were compared on nine metrics.
{B} is ahead of {A} by 0.19 on task_completion.
{A} is in a league of its own on bleu_score.
Users will be happier with {B}.
There is solid proof that the models differ on field_accuracy.
""")

TRUE += _lines("""
{A} averages 0.81 on task_completion, {B} averages 0.62.
On average {A} completes 19 points more of the task (task_completion).
Readers who care about conversations should note that {A} is better on task_completion.
The adjusted p-value for task_completion, 0.0004, is far below 0.05.
{B} scored 0.93 on field_accuracy and {A} 0.90, which is too close to call.
Neither field_accuracy nor bleu_score yields a winner.
The schema_compliance scores, 0.95 each, are the same.
Holm-adjusted, wer_score comes to p = 0.002.
{A} produces fewer word errors, 0.44 rather than 0.71 on wer_score.
The result for structural_consistency goes the other way: {B} is better, with 0.88 against 0.80.
{B} undercuts {A} on price, $0.0123 to $0.0456.
{B} responds in 0.34 s, {A} in 0.61 s, both medians.
95% of {A}'s answers arrived within 1.42 s.
{A} was scored on all 60 conversation answers, {B} on 58.
Three JSON answers of {A} could not be parsed and two were refusals.
With n = 20 cases per kind the intervals are wide.
The bleu_score interval reaches from -0.0121 to 0.0607.
Since the interval for field_accuracy covers zero, the comparison is inconclusive.
To tell the models apart on field_accuracy one would need about 96 more cases.
There is a winner on task_completion, and it is {A}.
Five cases were tied on field_accuracy.
{B} loses on task_completion with 4 wins out of 20 cases.
No significant difference was seen on bleu_score.
{A} is better by 0.27 on wer_score, where lower is better.
Three metrics are significant: task_completion, wer_score and structural_consistency.
The simulated customers tell us nothing about real customers.
Before deployment, more JSON cases should be collected.
{A} and {B} are equivalent on schema_compliance, within 0.05.
The two metrics that decide are task_completion and field_accuracy.
""")

FALSE += _lines("""
{A} averages 0.71 on task_completion, {B} averages 0.62.
On average {A} completes 29 points more of the task (task_completion).
Readers who care about conversations should note that {B} is better on task_completion.
The adjusted p-value for bleu_score, 0.55, is far below 0.05.
{A} scored 0.93 on field_accuracy and {B} 0.90, which is too close to call.
Neither task_completion nor wer_score yields a winner.
The task_completion scores are the same.
Holm-adjusted, wer_score comes to p = 0.02.
{B} produces fewer word errors on wer_score.
The result for structural_consistency goes the same way: {A} is better.
{A} undercuts {B} on price.
{A} responds in 0.34 s, {B} in 0.61 s, both medians.
95% of {A}'s answers arrived within 0.83 s.
{B} was scored on all 60 conversation answers, {A} on 58.
Two JSON answers of {A} could not be parsed and three were refusals.
With n = 200 cases per kind the intervals are narrow.
The bleu_score interval reaches from 0.0121 to 0.0607.
Since the interval for task_completion covers zero, the comparison is inconclusive.
To tell the models apart on field_accuracy one would need about 30 more cases.
There is a winner on task_completion, and it is {B}.
Nine cases were tied on field_accuracy.
{A} won three times as often as it lost.
{A} loses on task_completion with 4 wins out of 20 cases.
No significant difference was seen on wer_score.
{B} is better by 0.27 on wer_score, where lower is better.
Five metrics are significant.
{B} runs rings around {A} on field_accuracy.
{A} can be deployed without hesitation.
{A} and {B} are equivalent on field_accuracy, within 0.05.
Clients adore {B}.
""")

TRUE += _lines("""
The clearest result of this run is task_completion, where {A} averages 0.81 and {B} 0.62.
Across the 20 conversation cases, {A} finished ahead of {B} on 15 when judged by task_completion.
A gap of 0.19 on task_completion, with a 95 % interval that stays between 0.108 and 0.272, is hard to put down to luck.
{B}, by contrast, produces better-structured records: its structural_consistency is 0.88, and that of {A} is 0.80.
For field_accuracy the run is simply too small: the interval stretches from -0.11 to 0.05.
Neither field_accuracy nor bleu_score gives a reason to prefer one model over the other.
Both models comply with the schema equally often, at 0.95, and are equivalent on schema_compliance.
In wording, {A} stays nearer to the reference, with a wer_score of 0.44 compared to 0.71.
Customers would wait a median of 0.34 s for {B} and 0.61 s for {A}.
In the slowest 5 % of cases {A} takes at least 1.42 s.
The whole evaluation cost $0.0456 with {A} and $0.0123 with {B}.
Anyone on a tight budget should note that {B} is the cheaper of the two.
{A} declined two of its JSON requests and sent three answers that could not be used.
Two of {B}'s conversation calls failed, so its score there rests on 58 answers.
It is the conversations, not the JSON cases, on which a winner can be named.
Three of the six comparisons reach significance after the Holm adjustment.
Of the six metrics, two remain inconclusive.
{B} comes out better on just one metric, structural_consistency.
With p = 0.41, nothing can be concluded about field_accuracy.
An additional 96 cases would be enough to detect a difference of 0.05 on field_accuracy.
Because the unit is the case, the sample size is 20 per kind, whatever the three rounds suggest.
The bleu_score means of 0.314 and 0.290 are practically within each other's reach, p = 0.55.
On structural_consistency the adjusted p-value of 0.006 favours {B}.
{A} loses 4 of 20 task_completion cases and ties on one.
The interval for wer_score lies wholly below zero, which is good news for {A} because lower is better.
No deployment recommendation follows from these results.
Quality and price point in different directions: {A} leads on task_completion, while {B} is cheaper.
The equivalence on schema_compliance holds within the margin of 0.05 that was set in advance.
Since every model here is simulated, none of this should guide a purchase.
The next step should be to add JSON cases, as field_accuracy is still undecided.
""")

FALSE += _lines("""
The clearest result of this run is field_accuracy, where {B} convincingly beats {A}.
Across the 20 conversation cases, {A} finished ahead of {B} on 18 when judged by task_completion.
A gap of 0.19 on task_completion, with a 95 % interval that stays between 0.208 and 0.372, is hard to put down to luck.
{A}, by contrast, produces better-structured records: its structural_consistency is 0.88, and that of {B} is 0.80.
For task_completion the run is simply too small to separate the models.
Both field_accuracy and bleu_score give a reason to prefer {A}.
{B} complies with the schema more often than {A}.
In wording, {B} stays nearer to the reference, with a wer_score of 0.44 compared to 0.71.
Customers would wait a median of 0.61 s for {B} and 0.34 s for {A}.
In the slowest 5 % of cases {B} takes at least 1.42 s.
The whole evaluation cost $0.0579 with {A} alone.
Anyone on a tight budget should note that {A} is the cheaper of the two.
{B} declined two of its JSON requests and sent three answers that could not be used.
Two of {A}'s conversation calls failed, so its score there rests on 58 answers.
It is the JSON cases, not the conversations, on which a winner can be named.
Four of the six comparisons reach significance after the Holm adjustment.
Of the six metrics, three remain inconclusive.
{B} comes out better on three metrics.
With p = 0.41, field_accuracy clearly favours {B}.
An additional 30 cases would be enough to detect a difference of 0.05 on field_accuracy.
Because three rounds were run, the sample size is 60 per kind.
The bleu_score means of 0.314 and 0.290 differ by more than chance would explain.
On structural_consistency the adjusted p-value of 0.006 favours {A}.
{A} loses 9 of 20 task_completion cases.
The interval for wer_score lies wholly above zero.
The results support rolling out {A} to all customers.
Quality and price point in the same direction: {B} leads on task_completion and is cheaper.
The models are equivalent on every metric within the margin of 0.05.
{A} handles angry customers with more empathy.
Roughly four in five customers would be satisfied with {A}.
""")

TRUE_UNSEEN = _lines("""
If one number sums up the conversations, it is the 0.19 by which {A} leads on task_completion.
The evidence does not let us rank the two models on field_accuracy.
{B} matched the expected record structure more closely, scoring 0.88 on structural_consistency against 0.80.
Speed is where {B} stands out, with a median response of 0.34 s.
Although {B} is ahead on field_accuracy by 0.03, this is not a significant lead.
{A} got 15 wins, 1 tie and 4 losses on task_completion.
On the word error rate the advantage of {A} is confirmed by an adjusted p-value of 0.002.
Nothing in these figures shows that one model extracts fields better than the other.
All 60 JSON answers of {B} were usable and scored.
For {A}, five of the 60 JSON answers were malformed or refused.
It cost $0.38 per 1,000 answers to run {A}.
With only 20 cases per kind, small differences cannot be detected.
The choice therefore depends on what matters more, conversations or records.
{A} takes roughly 0.61 s for a typical answer, and {B} takes 0.34 s.
Schema compliance does not help to choose: the models are equivalent there.
Read the cases with the largest differences before acting on any of this.
The bleu_score interval runs from -0.012 to 0.061 and therefore includes zero.
What the run cannot say is how the models do on other prompts.
Two metrics favour {A} and one favours {B}.
The difference of -0.08 on structural_consistency is in favour of {B}.
""")

FALSE_UNSEEN = _lines("""
If one number sums up the conversations, it is the 0.29 by which {A} leads on task_completion.
The evidence lets us rank {B} above {A} on field_accuracy.
{A} matched the expected record structure more closely, scoring 0.88 on structural_consistency against 0.80.
Speed is where {A} stands out, with a median response of 0.34 s.
Although {A} is ahead on field_accuracy by 0.03, this is not a significant lead.
{A} got 12 wins, 4 ties and 4 losses on task_completion.
On the word error rate the advantage of {B} is confirmed by an adjusted p-value of 0.002.
These figures show that {B} extracts fields better than {A}.
All 60 JSON answers of {A} were well-formed.
For {A}, nine of the 60 JSON answers were malformed or refused.
It cost $0.10 per 1,000 answers to run {A}.
With 20 cases per kind, the difference on bleu_score is firmly established.
The choice is clear: {B} wins on conversations and on records.
{B} takes roughly 0.61 s for a typical answer, and {A} takes 0.34 s.
Schema compliance settles the choice in favour of {A}.
The bleu_score interval runs from 0.012 to 0.061 and therefore excludes zero.
The run shows that the results carry over to other prompts.
Three metrics favour {A} and none favours {B}.
The difference of -0.08 on structural_consistency is in favour of {A}.
{A} never failed to deliver a usable JSON record.
""")

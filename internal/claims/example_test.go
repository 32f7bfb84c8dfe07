package claims_test

import (
	"fmt"

	"github.com/atlilith/onboardbot/internal/claims"
)

func ExampleFill() {
	const template = `{"sub": "{user}", "org_id": "{org}", "role": "authenticated"}`
	fmt.Println(claims.Fill(template, "7", "2"))
	fmt.Println(claims.Fill(template, `7"`, ""))
	fmt.Println(claims.Fill("user:{user}", "7", ""))
	// Output:
	// {"org_id":"2","role":"authenticated","sub":"7"}
	// {"role":"authenticated","sub":"7\""}
	// user:7
}

func ExamplePath() {
	fmt.Println(claims.Path(`{"app_metadata": {"org": "{org}"}, "sub": "{user}"}`, claims.Org))
	fmt.Println(claims.Path("{user}", claims.User))
	// Output:
	// [app_metadata org] true
	// [] true
}

func ExampleMerge() {
	fmt.Println(claims.Merge(`{"sub": "7", "user_metadata": {"name": "Ana"}}`, `{"user_metadata": {"role": "admin"}}`))
	fmt.Println(claims.Merge("7", `{"role": "admin"}`))
	// Output:
	// {"sub":"7","user_metadata":{"name":"Ana","role":"admin"}}
	// 7
}

func ExampleCheckWritten() {
	templates := map[string]string{"request.jwt.claims": `{"sub": "{user}", "app_metadata": {"org": "{org}"}}`}
	fmt.Println(claims.CheckWritten(templates, "app_metadata"))
	fmt.Println(claims.CheckWritten(map[string]string{"app.user": "{user}"}, "user_metadata"))
	fmt.Printf("%q\n", claims.CheckWritten(templates, "user_metadata"))
	// Output:
	// "app_metadata" carries the identity in a template, so users must not write it
	// no template is a JSON object that could have such a member
	// ""
}
